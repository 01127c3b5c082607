/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct __attribute__((packed)) s {
	int a;
} __attribute__((aligned(8)));
int f(void) { return getpid(); } /* here */
