/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int (*t[9])(void) = {
[0 ... 3] = 0,
[4 ... 8] = getpid, /* here */
};
