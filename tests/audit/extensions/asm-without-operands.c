/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

void f(void)
{ asm("pause"); if (1) asm("x"); else getpid(); asm(""); getpid(); } /* here */
