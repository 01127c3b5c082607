/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct s { int n; char d[0]; };
int f(void) { return getpid(); } /* here */
