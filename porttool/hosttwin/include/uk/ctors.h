/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_CTORS_H__
#define __UK_CTORS_H__

#include <uk/essentials.h>
#include <uk/prio.h>

typedef void (*uk_ctor_func_t)(void);

struct twin_ctor {
	uk_ctor_func_t fn;
	int prio;
};

/* One section for all; boot.c sorts by priority, in order of linking */
#define __UK_CTORTAB(fn_, prio_)					\
	static const struct twin_ctor					\
	__used __section("twin_ctortab") __align8				\
	__twin_ctor_##prio_##_##fn_ = { .fn = (fn_), .prio = (prio_) }
#define _UK_CTORTAB(fn, prio)	__UK_CTORTAB(fn, prio)

#define UK_CTOR_PRIO(fn, prio)	_UK_CTORTAB(fn, prio)
#define UK_CTOR(fn)		UK_CTOR_PRIO(fn, UK_PRIO_LATEST)

#endif /* __UK_CTORS_H__ */
