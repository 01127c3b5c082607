/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void)
{ return ({ int a = 1; a + getpid(); }); } /* here */
