/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

static counter = 0, other;
extern far;
main()
{ register i = 1; return counter + i + getpid(); } /* here */
