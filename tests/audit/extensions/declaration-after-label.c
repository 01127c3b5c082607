/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int n)
{
	switch (n) {
	case 1:;
		int a = getpid(); /* here */
		return a;
	default:
		break;
	}
	return 0;
}
