/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct e { };
struct z { int n; int flexible[]; };
struct zero { int n; int none[0]; };
union u { };
static struct z init = { 1, { 2, 3 } };
;
int f(void)
{
	struct e e = {};
	int a[3] = {};
	;;
	return sizeof(e) + a[0] + init.n + getpid(); /* here */
}
