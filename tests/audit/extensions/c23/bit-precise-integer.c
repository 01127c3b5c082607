/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

_BitInt(7) f(void)
{
	unsigned _BitInt(33) a = getpid(); /* here */
	return a;
}
