/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

_Float128 a; __float128 b; double c = 0x1.8p3, d = 1e9L + .5f;
int f(void) { return getpid(); } /* here */
