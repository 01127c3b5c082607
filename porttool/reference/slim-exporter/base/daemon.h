/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_H
#define DAEMON_H

/*
 * Goes into the background: the caller returns from here in a new session,
 * without a terminal, in "/".  Only before the first thread is started.
 * Returns 0 or a negative errno.
 */
int daemon_start(void);

#endif
