/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct e {};
int a[3] = {};
int f(void) { return getpid(); } /* here */
