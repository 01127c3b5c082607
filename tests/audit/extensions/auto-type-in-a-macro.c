/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#define max(a, b) ({ __auto_type x_ = (a); __auto_type y_ = (b); x_ > y_ ? x_ : y_; })
int f(int n)
{
	const __auto_type p = &n;
	return max(n, getpid()) + *p; /* here */
}
