/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

enum { LOW = 1, HIGH = 9 };
int f(int n)
{
	switch (n) {
	case LOW...HIGH: return 1;
	case 'a' ... 'z':
	case -5 ... -1: return getpid(); /* here */
	default: ;
	}
	return 0;
}
