/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static _Float128 a = 1.0f128;
static __float128 b = 2.0q;
static _Float64x c = 1.5F64x;
int f(void)
{
	_Complex double z = 1.0i + 2.0;
	return a + b + c + __real__ z + getpid(); /* here */
}
