/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_PRINT_H__
#define __UK_PRINT_H__

#include <uk/config.h>
#include <uk/essentials.h>

#define KLVL_CRIT	0
#define KLVL_ERR	1
#define KLVL_WARN	2
#define KLVL_INFO	3

#if CONFIG_LIBUKDEBUG_PRINTK_INFO
#define KLVL_MAX KLVL_INFO
#elif CONFIG_LIBUKDEBUG_PRINTK_WARN
#define KLVL_MAX KLVL_WARN
#elif CONFIG_LIBUKDEBUG_PRINTK_ERR
#define KLVL_MAX KLVL_ERR
#else
#define KLVL_MAX KLVL_CRIT
#endif

/* The kernel console is stderr; one call is one write, whatever the thread */
void _uk_printk(int level, const char *lib, const char *fmt, ...) __printf(3, 4);

#define uk_printk(level, fmt, ...)					\
	do {								\
		if ((level) <= KLVL_MAX)				\
			_uk_printk((level), STRINGIFY(__LIBNAME__),	\
				   (fmt), ##__VA_ARGS__);		\
	} while (0)

#define uk_pr_crit(fmt, ...)	uk_printk(KLVL_CRIT, fmt, ##__VA_ARGS__)
#define uk_pr_err(fmt, ...)	uk_printk(KLVL_ERR, fmt, ##__VA_ARGS__)
#define uk_pr_warn(fmt, ...)	uk_printk(KLVL_WARN, fmt, ##__VA_ARGS__)
#define uk_pr_info(fmt, ...)	uk_printk(KLVL_INFO, fmt, ##__VA_ARGS__)
#define uk_pr_debug(fmt, ...)						\
	do {								\
		if (0)							\
			_uk_printk(KLVL_INFO, "", (fmt), ##__VA_ARGS__);\
	} while (0)

#endif /* __UK_PRINT_H__ */
