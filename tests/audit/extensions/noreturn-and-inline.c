/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

_Noreturn void die(void);
static inline __attribute__((always_inline)) int one(void) { return 1; }
extern __inline__ __attribute__((__gnu_inline__)) int two(void) { return 2; }
static int inline three(void) { return 3; }
int f(void)
{
	return one() + three() + getpid(); /* here */
}
