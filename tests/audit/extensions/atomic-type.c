/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static _Atomic(int) a;
static _Atomic int b;
static int *_Atomic c;
int f(_Atomic(int *) p)
{
	return a + b + *p + *c + getpid(); /* here */
}
