/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void)
{ __label__ out, in; goto out; in: return 1;
out: if (getpid()) goto in; return 2; } /* here */
