/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static int g(int, char *) { return 1; }
static int h(...) { return 2; }
int f(void)
{
	return g(1, (char *)0) + getpid(); /* here */
}
