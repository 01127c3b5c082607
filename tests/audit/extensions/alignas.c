/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static _Alignas(16) char a[4];
static _Alignas(long) int b = 3;
struct s { _Alignas(8) char c; };
int f(void)
{
	return _Alignof(struct s) + a[0] + b + __alignof__(b) + getpid(); /* here */
}
