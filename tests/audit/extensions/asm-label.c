/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int g(void) __asm__("h");
int f(void) { return getpid(); } /* here */
