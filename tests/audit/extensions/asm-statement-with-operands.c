/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

void f(int *p)
{ __asm__ volatile("nop"
 : "=r"(*p)
 : [x] "r"(getpid()), "m"(p[0]) /* here */
 : "memory"); }
