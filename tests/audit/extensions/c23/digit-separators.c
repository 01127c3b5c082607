/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void)
{
	return 1'000'000 + 0x1'0000 + 0b1010'1010 + getpid(); /* here */
}
