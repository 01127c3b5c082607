# 1 "/system/bits/alltypes.h" 1 3 4
typedef unsigned long size_t;
typedef __builtin_va_list va_list;
struct stat { size_t st_size; union { int a; long b; } u; };
int stat(const char *restrict, struct stat *restrict);
extern int errno; int *__errno_location(void);
# 9 "a.c"
int g(const char *p, ...) {
	struct stat s; va_list v;
	__builtin_va_start(v, p);
	int n = __builtin_va_arg(v, int);
	return stat(p, &s) && (s.st_size > (size_t) n) ? (
# 12 "a.c" 3 4
	(*__errno_location())
# 12 "a.c"
	) : __builtin_offsetof(struct stat, u.b);
}
