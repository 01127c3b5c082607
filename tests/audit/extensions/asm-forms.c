/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

extern int renamed(void) __asm__("other_name");
register unsigned long sp __asm__("rsp");
__asm__(".globl x\n" "x:");
int f(int n)
{
	int out;
	asm volatile goto ("jmp %l[away]" : : "r"(n) : "memory" : away);
	__asm__ __volatile__ ("mov %1, %0" : "=r" (out), [o] "+m" (n) : "i" (sizeof(int)) : "cc");
	asm inline volatile ("" ::: "memory");
	asm ("nop");
	register int a asm ("eax") = n;
	if (n) asm (""); else asm ("" : : "r" (a));
away:
	return out + a + getpid(); /* here */
}
