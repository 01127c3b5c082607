/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int a)
{ return __builtin_types_compatible_p(__typeof__(a), char[]) + getpid(); } /* here */
