/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_ASSERT_H__
#define __UK_ASSERT_H__

#include <uk/essentials.h>

/* Ends the twin with a message, where Unikraft would crash or go on with
 * memory that is no longer what it was.
 */
void twin_crash(const char *fmt, ...) __printf(1, 2) __noreturn;

#define UK_CRASH(fmt, ...) twin_crash(fmt, ##__VA_ARGS__)

#define UK_ASSERT(x)							\
	do {								\
		if (unlikely(!(x)))					\
			twin_crash("%s:%d: assertion failed: %s",	\
				   __FILE__, __LINE__, #x);		\
	} while (0)

#endif /* __UK_ASSERT_H__ */
