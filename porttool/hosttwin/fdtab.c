/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors are the host's, of this process. */
#include <errno.h>
#include <fcntl.h>
#include <uk/posix-fdtab.h>

int uk_fdtab_getflags(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 ? -errno : flags;
}
