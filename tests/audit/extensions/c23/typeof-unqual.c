/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(const int n)
{
	__typeof_unqual__(n) a = getpid(); /* here */
	return a;
}
