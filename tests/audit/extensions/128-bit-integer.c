/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

unsigned __int128 a; __int128_t b;
int f(void) { return (int)a + getpid(); } /* here */
