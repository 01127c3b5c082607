/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static __inline__ __const int *g(__volatile__ int *__restrict__ p, __signed__ char c)
{ (void)c; return (const int *)p; }
int f(int *p) { return *g(p, 1) + getpid(); } /* here */
