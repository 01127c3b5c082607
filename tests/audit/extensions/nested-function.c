/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int n)
{
	int add(int x) { return x + n + getpid(); } /* here */
	auto int later(int);
	int unused = add(1);
	int later(int y) { return y; }
	return unused + later(2);
}
