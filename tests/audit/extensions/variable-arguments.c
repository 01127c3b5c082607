/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <unistd.h>

int f(int n, ...)
{ va_list ap; va_start(ap, n);
int a = va_arg(ap, int);
char *s = va_arg(ap, char *); void (*g)(int) = va_arg(ap, void (*)(int));
va_end(ap); g(*s); return a + getpid(); } /* here */
