/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#define kind(x) _Generic((x), char *: 1, const char *: 2, int (*)(int): 3, struct s: 4, default: 5)
struct s { int x; };
int f(struct s s)
{
	return kind("x") + kind(s) + _Generic(s.x, int: getpid(), default: 0); /* here */
}
