/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

constexpr int limit = 3;
static const typeof(nullptr) nothing = nullptr;
enum small : unsigned char { ONE, TWO };
int f(typeof_unqual(limit) n)
{
	static constexpr char text[] = "x";
	auto pointer = &n;
	char *p = nullptr;
	return p == nothing ? limit + text[0] + ONE : getpid(); /* here */
}
