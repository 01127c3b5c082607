/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int a)
{ return _Generic(a, long: getppid, int: getpid)(); } /* here */
