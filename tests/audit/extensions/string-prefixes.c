/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void)
{
	const void *a = u8"x" "y", *b = u"x", *c = U"\U0001F600", *d = L"x" L"y";
	int e = u'x' + U'y' + L'z';
	return (a == b) + (c == d) + e + getpid(); /* here */
}
