/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int n, char *s)
{
	s = s ?: "none";
	n = n ? : 2;
	return n ?: (n > 1 ?: getpid()); /* here */
}
