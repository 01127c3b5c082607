/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_ESSENTIALS_H__
#define __UK_ESSENTIALS_H__

/* glibc and musl have fields named __unused and __used in these: they must be
 * read before the macros exist.
 */
#include <netinet/ip_icmp.h>
#include <spawn.h>
#include <sys/stat.h>

#include <uk/arch/types.h>

#define __unused	__attribute__((unused))
#define __maybe_unused	__attribute__((unused))
#define __used		__attribute__((used))
#define __section(s)	__attribute__((section(s)))
#define __align(b)	__attribute__((aligned(b)))
#define __align8	__align(8)
#define __packed	__attribute__((packed))
#define __weak		__attribute__((weak))
#define __noreturn	__attribute__((noreturn))
#define __printf(f, a)	__attribute__((format(printf, f, a)))

#ifndef likely
#define likely(x)	__builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x)	__builtin_expect(!!(x), 0)
#endif

#ifndef STRINGIFY
#define __STRINGIFY(x)	#x
#define STRINGIFY(x)	__STRINGIFY(x)
#endif

#define __UK_CONCAT_X(a, b) a##b
#define UK_CONCAT(a, b)	__UK_CONCAT_X(a, b)

#define __containerof(ptr, type, field) \
	((type *)((char *)(ptr) - offsetof(type, field)))

#ifndef ARRAY_SIZE
#define ALIGN_UP(v, a)	(((v) + ((a) - 1)) & ~((__typeof__(v))(a) - 1))
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))
#endif

#ifndef MIN
#define MIN(a, b)	({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); \
			   _a < _b ? _a : _b; })
#endif
#ifndef MAX
#define MAX(a, b)	({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); \
			   _a > _b ? _a : _b; })
#endif

#define DECONST(t, a)	((t)(__uptr)(const void *)(a))

#endif /* __UK_ESSENTIALS_H__ */
