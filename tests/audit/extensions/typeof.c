/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int a)
{ __typeof__(a + 1) b = a; typeof(int *) c = &b; return *c + getpid(); } /* here */
