/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "signals.h"

static int wake_fd;

static void on_signal(int number)
{
	int saved = errno;

	(void)number;
	/* If the pipe is full, the server has been told already. */
	if (write(wake_fd, "", 1) < 0)
		errno = saved;
}

int signals_open(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction end = { .sa_handler = on_signal };
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	wake_fd = fds[1];
	if (sigaction(SIGPIPE, &ignore, NULL) ||
	    sigaction(SIGINT, &end, NULL) || sigaction(SIGTERM, &end, NULL))
		return -errno;
	return fds[0];
}
