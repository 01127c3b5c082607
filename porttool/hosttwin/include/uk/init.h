/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_INIT_H__
#define __UK_INIT_H__

#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/plat/bootstrap.h>
#include <uk/prio.h>

struct uk_init_ctx {
	struct {
		int argc;
		char **argv;
	} cmdline;
};

struct uk_term_ctx {
	enum ukplat_gstate target;
};

typedef int (*uk_init_func_t)(struct uk_init_ctx *ctx);
typedef void (*uk_term_func_t)(const struct uk_term_ctx *ctx);

struct twin_initcall {
	uk_init_func_t init;
	uk_term_func_t term;
	int level;
	int prio;
};

/* Names are pasted together as in Unikraft, so that what does not compile
 * there does not compile here: no term function is 0x0, NULL is an error.
 */
#define __UK_INITTAB_ENTRY(init_, term_, level_, prio_)			\
	static const struct twin_initcall				\
	__used __section("twin_inittab") __align8				\
	__twin_init_##level_##_##prio_##_##init_##_##term_ = {		\
		.init = (init_), .term = (term_),			\
		.level = (level_), .prio = (prio_)			\
	}
#define _UK_INITTAB(init, term, level, prio) \
	__UK_INITTAB_ENTRY(init, term, level, prio)

#define UK_INIT_CLASS_EARLY	1
#define UK_INIT_CLASS_PLAT	2
#define UK_INIT_CLASS_LIB	3
#define UK_INIT_CLASS_ROOTFS	4
#define UK_INIT_CLASS_SYS	5
#define UK_INIT_CLASS_LATE	6

#define uk_initcall_class_prio(init, term, level, prio) \
	_UK_INITTAB(init, term, level, prio)

#define uk_early_initcall_prio(init, term, prio) \
	uk_initcall_class_prio(init, term, UK_INIT_CLASS_EARLY, prio)
#define uk_plat_initcall_prio(init, term, prio) \
	uk_initcall_class_prio(init, term, UK_INIT_CLASS_PLAT, prio)
#define uk_lib_initcall_prio(init, term, prio) \
	uk_initcall_class_prio(init, term, UK_INIT_CLASS_LIB, prio)
#define uk_rootfs_initcall_prio(init, term, prio) \
	uk_initcall_class_prio(init, term, UK_INIT_CLASS_ROOTFS, prio)
#define uk_sys_initcall_prio(init, term, prio) \
	uk_initcall_class_prio(init, term, UK_INIT_CLASS_SYS, prio)
#define uk_late_initcall_prio(init, term, prio) \
	uk_initcall_class_prio(init, term, UK_INIT_CLASS_LATE, prio)

#define uk_early_initcall(init, term) \
	uk_early_initcall_prio(init, term, UK_PRIO_LATEST)
#define uk_plat_initcall(init, term) \
	uk_plat_initcall_prio(init, term, UK_PRIO_LATEST)
#define uk_lib_initcall(init, term) \
	uk_lib_initcall_prio(init, term, UK_PRIO_LATEST)
#define uk_rootfs_initcall(init, term) \
	uk_rootfs_initcall_prio(init, term, UK_PRIO_LATEST)
#define uk_sys_initcall(init, term) \
	uk_sys_initcall_prio(init, term, UK_PRIO_LATEST)
#define uk_late_initcall(init, term) \
	uk_late_initcall_prio(init, term, UK_PRIO_LATEST)

#endif /* __UK_INIT_H__ */
