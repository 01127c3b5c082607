/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct s { int a; struct { int b[3]; } c; };
int f(int n, ...)
{
	__builtin_va_list v, w;
	__builtin_va_start(v, n);
	__builtin_va_copy(w, v);
	int m = __builtin_va_arg(v, int) + *__builtin_va_arg(w, struct s *)->c.b;
	__builtin_va_end(v);
	m += __builtin_offsetof(struct s, c.b[1]);
	m += __builtin_types_compatible_p(__typeof__(n), int);
	m += __builtin_choose_expr(1, 2, (void)0);
	m += __builtin_constant_p(n) + __builtin_expect(!!(n), 0) + __builtin_popcount(n);
	int big; if (__builtin_add_overflow(n, m, &big)) __builtin_unreachable();
	m += __builtin_object_size(&m, 0) != 0;
	return m + getpid(); /* here */
}
