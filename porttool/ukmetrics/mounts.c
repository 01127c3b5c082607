/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Space on the mounts that ukmetrics.mounts names; they cannot be listed. Most
 * file systems of Unikraft answer statvfs with all zero: then nothing is known.
 */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/print.h>
#include <ukm_store.h>

#include "label.h"
#include "mounts.h"
#include "objects.h"
#include "release.h"

static int ask(const char *path, struct statvfs *fs)
{
	if (statvfs(path, fs) < 0)
		return -errno;

	return fs->f_blocks || fs->f_files ? 0 : -ENODATA;
}

#define SPACE(name, field, unit)					\
	static int get_##name(void *cookie, __u64 *out)			\
	{								\
		struct statvfs fs;					\
		int rc = ask(cookie, &fs);				\
									\
		if (rc)							\
			return rc;					\
		*out = (__u64)fs.field * (unit);			\
		return 0;						\
	}
SPACE(size, f_blocks, fs.f_frsize)
SPACE(free, f_bfree, fs.f_frsize)
SPACE(avail, f_bavail, fs.f_frsize)
SPACE(files, f_files, 1)
SPACE(files_free, f_ffree, 1)

static const struct uk_store_entry *mount_entries[] = {
	UK_STORE_ENTRY(UKM_STORE_MOUNT_SIZE, mount_size, u64, get_size, NULL),
	UK_STORE_ENTRY(UKM_STORE_MOUNT_FREE, mount_free, u64, get_free, NULL),
	UK_STORE_ENTRY(UKM_STORE_MOUNT_AVAIL, mount_avail, u64, get_avail,
		       NULL),
	UK_STORE_ENTRY(UKM_STORE_MOUNT_FILES, mount_files, u64, get_files,
		       NULL),
	UK_STORE_ENTRY(UKM_STORE_MOUNT_FILES_FREE, mount_files_free, u64,
		       get_files_free, NULL),
	NULL
};

static char paths[CONFIG_LIBUKMETRICS_MOUNTS_LEN];

static int mounts_init(UKM_INIT_ARGS)
{
	const char *param = ukm_mounts_param();
	char *path, *next;
	__u16 nr = 0;

	if (strlen(param) >= sizeof(paths) || !ukm_label_value_ok(param)) {
		uk_pr_err("ukmetrics.mounts: too long or not printable ASCII; no mount is watched\n");
		return 0;
	}
	strcpy(paths, param);

	for (path = paths; path; path = next) {
		next = strchr(path, ',');
		if (next)
			*next++ = '\0';
		if (*path != '/') {
			if (*path)
				uk_pr_err("ukmetrics.mounts: '%s' is not absolute\n",
					  path);
			continue;
		}
		ukm_object_add(UKM_OBJECT_MOUNT, nr++, path, mount_entries,
			       path);
	}

	return 0;
}
ukm_sys_initcall(mounts_init);
