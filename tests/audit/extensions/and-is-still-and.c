/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int a, int b)
{ int one = 1; return (a) && one && b-- && one++ && getpid(); } /* here */
