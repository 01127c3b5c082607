/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

__attribute__((format(printf, 1, 2), cold))
void log_it(const char *f, ...);
int f(void) { return getpid(); } /* here */
