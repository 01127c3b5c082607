/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

struct s { int a; int (*f)(void); };
struct s v = { a: 1,
f: getpid }; /* here */
