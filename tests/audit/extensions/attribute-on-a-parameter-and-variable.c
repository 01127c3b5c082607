/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int a __attribute__((unused)))
{ int b __attribute__((unused)) = getpid(); return b; } /* here */
