/* SPDX-License-Identifier: BSD-3-Clause */
/* Open descriptors: files, sockets and all else that has one. */
#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/posix-fdtab.h>
#include <ukm_store.h>

#include "release.h"

static int get_files_open(void *cookie __unused, __u64 *out)
{
	int fd;

	*out = 0;
	for (fd = 0; fd < CONFIG_LIBPOSIX_FDTAB_MAXFDS; fd++)
		if (uk_fdtab_getflags(fd) >= 0)
			(*out)++;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_FILES_OPEN, files_open, u64, get_files_open);

static int get_files_max(void *cookie __unused, __u64 *out)
{
	*out = CONFIG_LIBPOSIX_FDTAB_MAXFDS;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_FILES_MAX, files_max, u64, get_files_max);
