/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(double _Complex z)
{ return __real__ z > __imag__ z ? getpid() : 0; } /* here */
