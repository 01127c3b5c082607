/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

asm(".globl x");
int f(void) { return getpid(); } /* here */
