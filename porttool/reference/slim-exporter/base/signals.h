/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SIGNALS_H
#define SIGNALS_H

/*
 * Ignores SIGPIPE and catches SIGINT and SIGTERM.  Returns a descriptor that
 * becomes readable when one of those two arrives, or a negative errno.
 */
int signals_open(void);

#endif
