/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#pragma GCC diagnostic push
int f(void) {
#pragma omp parallel
return getpid(); } /* here */
_Pragma("GCC diagnostic pop")
