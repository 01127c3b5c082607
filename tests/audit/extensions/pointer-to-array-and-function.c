/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

typedef int row[3];
int (*(*table[2])(int (*)(void), ...))[3];
int f(int n, int a[static 2], int b[const], int c[restrict static 1], int d[*], row *r, int m[n][n]);
int (*g(void))(void) { return getpid; } /* here */
int h(void);
