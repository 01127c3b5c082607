/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct s { int a, b[4]; struct { int c; } d; };
static struct s one = { a: 1, b: { [1 ... 2] = 7, 9 }, .d.c = 4, };
static struct s many[] = { [0] = { .b[2] = 1 }, [2 ... 3].a = 1, [1] = { d: { c: 3 } } };
static int sparse[] = { [2] 7, [4] 8 };
int f(void)
{
	return one.a + many[0].a + sparse[2] + getpid(); /* here */
}
