/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int n)
{
	static void *const jump[] = { [0] = &&one, [1] = &&two, };
	static const int offsets[] = { &&two - &&one };
	const void *where = n ? &&one : &&two;
	goto *(where ? jump[n & 1] : &&one + offsets[0]);
one:
	return getpid(); /* here */
two:
	return 2;
}
