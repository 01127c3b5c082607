/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <unistd.h>

struct s { int a[4]; struct { char b; } c; };
int f(void)
{ return offsetof(struct s, a[1]) + __builtin_offsetof(struct s, c.b) + getpid(); } /* here */
