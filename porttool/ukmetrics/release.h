/* SPDX-License-Identifier: BSD-3-Clause */
/* What differs between the releases of Unikraft that lib-ukmetrics runs on. */
#ifndef __UKM_RELEASE_H__
#define __UKM_RELEASE_H__

#include <uk/essentials.h>
#include <uk/init.h>
#include <uk/store.h>

#include "target.h"

/* Init functions take a context, and have a terminator, since 0.16 */
#if UKM_UNIKRAFT >= UKM_VERSION(0, 16, 0)
#define UKM_INIT_ARGS		struct uk_init_ctx *ctx __unused
#define ukm_lib_initcall_prio(fn, prio)	uk_lib_initcall_prio(fn, 0x0, prio)
#define ukm_sys_initcall(fn)		uk_sys_initcall(fn, 0x0)
#else
#define UKM_INIT_ARGS		void
#define ukm_lib_initcall_prio(fn, prio)	uk_lib_initcall_prio(fn, prio)
#define ukm_sys_initcall(fn)		uk_sys_initcall(fn)
#endif

/*
 * ukstore v1 (up to 0.13) knows entries by name and has no objects; v2 knows
 * them by number. A library is a constant of the build in v1; in v2 it is
 * looked up at run time, because its number is only there if the library is.
 */
#if UKM_UNIKRAFT < UKM_VERSION(0, 14, 0)
#define UKM_STORE_V1 1

typedef unsigned int ukm_library;
typedef const char *ukm_key;

#define UKM_LIBRARY(name)	uk_store_libid(name)
#define UKM_KEY(id, name)	#name

#define UKM_STATIC_ENTRY(id, name, type, getter)			\
	UK_STORE_STATIC_ENTRY(name, type, getter, NULL, NULL)
#else
#define UKM_STORE_V1 0

#include <uk/libid.h>

typedef const char *ukm_library;
typedef __u64 ukm_key;

#define UKM_LIBRARY(name)	#name
#define UKM_KEY(id, name)	(id)

/* Adds an entry to those of lib-ukmetrics itself, see ukm_store.h */
#define UKM_STATIC_ENTRY(id, name, type, getter)			\
	UK_STORE_STATIC_ENTRY(id, name, type, getter, NULL)
#endif

#endif /* __UKM_RELEASE_H__ */
