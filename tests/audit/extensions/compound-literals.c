/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct s { int a, b[2]; };
static struct s *t = &(struct s){ .a = 1, .b = { 2, 3 } };
int g(const int *p) { return *p; }
int f(int n)
{
	return g((int[]){ n, 2, [5] = 3 }) + ((struct s){ .b[1] = n }).b[1] + t->a
		+ *(const int[1]){ getpid() } + (union { int i; float f; }){ .f = 1 }.i; /* here */
}
