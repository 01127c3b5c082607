/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static counter = 3;
static helper();
old(a, b, p)
	int a;
	register char *b;
	struct s { int x; } *p;
{
	return a + *b + p->x + helper();
}
static helper() { return counter; }
main(argc, argv) char **argv;
{
	return old(1, "", (struct s *)0) + getpid(); /* here */
}
