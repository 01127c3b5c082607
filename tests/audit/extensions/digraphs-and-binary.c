/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

int f(void) <%
int a<:2:> = <% 0b11, 0x1fUL %>; return a<:0:> + getpid(); %> /* here */
