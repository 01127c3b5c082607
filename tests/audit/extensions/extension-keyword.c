/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void)
{ __extension__ long long a = 1; return (int)a + __extension__ ({ getpid(); }); } /* here */
