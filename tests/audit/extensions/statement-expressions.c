/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int n)
{
	int a = ({ int b = n; if (b) b++; b; }) + ({ ; 3; });
	for (int i = ({ 0; }); i < ({ n; }); i++) while (({ break; 1; })) ;
	return ({ __label__ out; if (n) goto out; out: a; }) + ({ getpid(); }); /* here */
}
