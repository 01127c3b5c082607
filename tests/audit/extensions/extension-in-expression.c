/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct s { __extension__ union { int a; long b; }; __extension__ long long c; };
int f(struct s *p)
{
	int n = __extension__ ({ int k = p->a; k; });
	n += __extension__ 0x1p3;
	return n + getpid(); /* here */
}
