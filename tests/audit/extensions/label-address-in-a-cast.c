/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

long f(void)
{ long a = (long)(void *)&&one;
one: return a + getpid(); } /* here */
