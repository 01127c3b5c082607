/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

[[nodiscard]] static int g([[maybe_unused]] int x) { return 1; }
struct [[deprecated("no")]] s { [[maybe_unused]] int a; };
enum [[gnu::packed]] e { ONE [[deprecated]] = 1 };
[[gnu::always_inline]] [[gnu::hot]] static inline int h(void) { return 0; }
int f [[gnu::noinline]] (int n)
{
	[[maybe_unused]] int a [[gnu::aligned(8)]] = 1;
	switch (n) { case 1: n++; [[fallthrough]]; default: break; }
	int b[4]; int c = b[g(1)];
	return a + c + getpid(); /* here */
}
