/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

typedef int four __attribute__((vector_size(16)));
int f(void)
{
	four a = { 1, 2, 3, 4 }, b = a + a;
	b = __builtin_shuffle(a, b);
	a = __builtin_convertvector(b, four);
	return a[0] + getpid(); /* here */
}
