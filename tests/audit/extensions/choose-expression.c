/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void)
{ return __builtin_choose_expr(0, getppid(), getpid()); } /* here */
