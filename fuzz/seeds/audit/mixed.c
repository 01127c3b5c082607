#define LIMIT 4
#include <stdio.h>
# 1 "/system/stdio.h" 1 3 4
typedef struct file FILE;
#define BUFSIZ 1024
#define stdout (stdout)
extern FILE *const stdout;
int printf(const char *, ...) __attribute__((format(printf, 1, 2)));
void exit(int) __attribute__((__noreturn__));
enum { A, B = 3 };
static inline int twice(int n) { return n * 2; }
# 3 "a.c" 2
struct pair { int a, b[]; };
static __thread int counter = 0;
int old(a, b) int a; char *b; { return a ?: *b; }
int f(int n)
{
	static void *jump[] = { &&one, &&two };
	__typeof__(n) m = ({ int k = n; k + 1; });
	struct pair p = { a: 1, .b = { [0 ... 3] = 7 } };
	int again(int x) { return x + m; }
	__asm__ volatile("nop" : "=r"(m) : [in] "r"(n) : "memory");
	goto *jump[n];
one:
	switch (m) { case 1 ... 5: printf("/proc/%d/stat" "x", B); break; default: exit(1); }
two:
	for (int i = 0; i < LIMIT; i++) { if (0) twice(i); else continue; }
	return _Generic(n, int: 1, default: 2) + sizeof(struct pair) + again(2);
}
_Static_assert(sizeof(int) == 4, "four");
[[noreturn]] void die(void) { while (1) ; }
