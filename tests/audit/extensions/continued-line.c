/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void)
{ int a = 1 + \
2; return a + \
getpid(); } /* here */
