/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

%:define TWO 2
int f(void)
<%
	int a<:TWO:> = <% 1, 2 %>;
	return a<:0:> + getpid(); /* here */
%>
