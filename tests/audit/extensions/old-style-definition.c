/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(a, b) int a; char *b;
{ return a + *b + getpid(); } /* here */
