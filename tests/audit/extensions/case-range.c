/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(int a)
{ switch (a) { case 'a' ... 'z': return 1; case 1 ... 9:
return getpid(); } return 0; } /* here */
