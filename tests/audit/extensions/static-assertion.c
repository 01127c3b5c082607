/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

_Static_assert(sizeof(int) == 4, "int");
struct s { int a; _Static_assert(1, "x"); };
int f(void) { return getpid(); } /* here */
