/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static __thread int a;
extern __thread int b;
int f(void) { return a + getpid(); } /* here */
