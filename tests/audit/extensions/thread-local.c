/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static __thread int a;
extern __thread int b;
static _Thread_local int c = 1;
int f(void)
{
	static __thread char buffer[8];
	return a + c + buffer[0] + getpid(); /* here */
}
