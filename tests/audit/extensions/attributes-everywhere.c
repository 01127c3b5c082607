/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

__attribute__((unused)) static int a __attribute__((aligned(8))) = 1, b __attribute__((unused));
struct __attribute__((packed)) s { int x __attribute__((packed)); } __attribute__((aligned(4)));
enum e { ONE __attribute__((unused)) = 1, TWO } __attribute__((packed));
typedef int (__attribute__((noinline)) *handler)(int);
static int g(int __attribute__((unused)) x, int (*p)(int) __attribute__((unused))) { return 0; }
int *__attribute__((unused)) h(int (*q)(int)) __attribute__((nonnull(1), warn_unused_result));
int f(int n)
{
	int __attribute__((unused)) c[2] = { 0 }, *d __attribute__((unused));
	switch (n) { case 1: n++; __attribute__((fallthrough)); case 2: break; }
	goto out;
out: __attribute__((unused));
	for (int i __attribute__((unused)) = 0; ; ) return a + b + getpid(); /* here */
}
