/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int a)
{ switch (a) { case 1: getpid(); /* here */
__attribute__((fallthrough)); default: return 1; } }
