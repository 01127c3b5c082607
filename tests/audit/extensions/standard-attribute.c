/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

[[nodiscard]] int f(void)
{ return getpid(); } /* here */
