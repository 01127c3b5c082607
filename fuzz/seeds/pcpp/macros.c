#include "b.h"
#define A(x, ...) #x x ## 1 __VA_ARGS__
#define B(args...) A(args, ## args)
#define C C + B(C)
#if defined(N) && (N > 0 ? 'a' == 97 : 0x10UL >> 2) || __has_include("b.h")
int a = A(1, 2) + B(x, y) + C; /* over
 lines */ // and \
this
#elif N
#else
#undef C
#endif
#ifndef X
#line 7 "c.y"
char *s = __FILE__ "x" L'y'; int n = __LINE__ + \
 __COUNTER__ + F(1)
(2);
#endif
#pragma once
#include_next <b.h>
_Pragma("x") %:define Y <% %>
