/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int größe = 1;
int f(void) { return größe + getpid(); } /* here */
