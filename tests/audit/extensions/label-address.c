/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int a)
{ static void *t[] = { &&one, &&two };
 goto *t[a];
one: return 1;
two: return getpid(); } /* here */
