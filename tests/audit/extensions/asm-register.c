/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void)
{ register long sp asm("rsp"); return (int)sp + getpid(); } /* here */
