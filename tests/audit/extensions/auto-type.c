/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void)
{ __auto_type a = getpid(); return a; } /* here */
