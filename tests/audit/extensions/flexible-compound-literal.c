/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct s { int (*f)(void); };
int f(void)
{ struct s *p = &(struct s){ f: getpid }; return p->f(); } /* here */
