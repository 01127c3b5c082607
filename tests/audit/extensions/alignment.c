/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int *a)
{ return __alignof__(*a) + __alignof(int) + _Alignof(long) + getpid(); } /* here */
