/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static_assert(sizeof(int) == 4);
static thread_local int t = 0;
static alignas(8) char c[2];
int f(void)
{
	bool b = true;
	return b == false ? alignof(int) + c[0] + t : getpid(); /* here */
}
