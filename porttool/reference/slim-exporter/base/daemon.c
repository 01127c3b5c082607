/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon.h"

/* The parent ends here and the child goes on. */
static int leave_parent(void)
{
	switch (fork()) {
	case -1:
		return -errno;
	case 0:
		return 0;
	default:
		_exit(0);
	}
}

int daemon_start(void)
{
	int err, fd;

	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = leave_parent();
	if (!err && setsid() < 0)
		err = -errno;
	/* A session leader could be given a terminal again. */
	if (!err)
		err = leave_parent();
	if (!err && (chdir("/") || dup2(fd, STDIN_FILENO) < 0 ||
		     dup2(fd, STDOUT_FILENO) < 0 ||
		     dup2(fd, STDERR_FILENO) < 0))
		err = -errno;
	close(fd);
	return err;
}
