/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

typedef unsigned __int128 u128;
static __int128_t a; static __uint128_t b; static signed __int128 c; static const __int128 d = 1;
int f(void)
{
	return (u128)a + b + c + d + getpid(); /* here */
}
