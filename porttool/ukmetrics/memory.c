/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All memory that the allocators manage: what they can still hand out and what
 * is handed out. Memory that they never got, the image for one, is not in it.
 */
#include <errno.h>
#include <stdio.h>
#include <uk/alloc.h>
#include <uk/essentials.h>
#include <ukm_store.h>

#include "objects.h"
#include "release.h"

static int get_mem_total(void *cookie __unused, __u64 *out)
{
	struct uk_alloc_stats stats;

	uk_alloc_stats_get_global(&stats);
	if (stats.cur_mem_use < 0)
		return -ERANGE;

	*out = uk_alloc_availmem_total() + stats.cur_mem_use;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_MEM_TOTAL, mem_total, u64, get_mem_total);

#if !UKM_STORE_V1
/* Of one allocator; the cookie is a struct uk_alloc */
static int get_alloc_free(void *cookie, __u64 *out)
{
	__ssz size = uk_alloc_availmem(cookie);

	if (size < 0)
		return size;

	*out = size;
	return 0;
}

static int get_alloc_largest(void *cookie, __u64 *out)
{
	__ssz size = uk_alloc_maxalloc(cookie);

	if (size < 0)
		return size;

	*out = size;
	return 0;
}

#define STATISTIC(name, type, field)					\
	static int get_##name(void *cookie, type *out)			\
	{								\
		struct uk_alloc_stats stats;				\
									\
		uk_alloc_stats_get(cookie, &stats);			\
		*out = stats.field;					\
		return 0;						\
	}
STATISTIC(mem_used, __s64, cur_mem_use)
STATISTIC(mem_allocs, __u64, tot_nb_allocs)
STATISTIC(mem_frees, __u64, tot_nb_frees)
STATISTIC(mem_failures, __u64, nb_enomem)

static const struct uk_store_entry *alloc_entries[] = {
	UK_STORE_ENTRY(UKM_STORE_ALLOC_FREE, alloc_free, u64,
		       get_alloc_free, NULL),
	UK_STORE_ENTRY(UKM_STORE_ALLOC_LARGEST, alloc_largest, u64,
		       get_alloc_largest, NULL),
	UK_STORE_ENTRY(UKM_STORE_ALLOC_USED, alloc_used, s64,
		       get_mem_used, NULL),
	UK_STORE_ENTRY(UKM_STORE_ALLOC_ALLOCS, alloc_allocs, u64,
		       get_mem_allocs, NULL),
	UK_STORE_ENTRY(UKM_STORE_ALLOC_FREES, alloc_frees, u64,
		       get_mem_frees, NULL),
	UK_STORE_ENTRY(UKM_STORE_ALLOC_FAILURES, alloc_failures, u64,
		       get_mem_failures, NULL),
	NULL
};

static int alloc_init(UKM_INIT_ARGS)
{
	struct uk_alloc *a;
	char name[12];
	__u16 nr = 0;

	uk_alloc_foreach(a) {
		snprintf(name, sizeof(name), "alloc%d", nr);
		ukm_object_add(UKM_OBJECT_ALLOC, nr++, name, alloc_entries, a);
	}

	return 0;
}
ukm_sys_initcall(alloc_init);

#if CONFIG_LIBUKMETRICS_MEMORY_PERLIB
static const struct uk_store_entry *library_entries[] = {
	UK_STORE_ENTRY(UKM_STORE_LIBRARY_USED, library_used, s64,
		       get_mem_used, NULL),
	UK_STORE_ENTRY(UKM_STORE_LIBRARY_ALLOCS, library_allocs, u64,
		       get_mem_allocs, NULL),
	UK_STORE_ENTRY(UKM_STORE_LIBRARY_FREES, library_frees, u64,
		       get_mem_frees, NULL),
	UK_STORE_ENTRY(UKM_STORE_LIBRARY_FAILURES, library_failures, u64,
		       get_mem_failures, NULL),
	NULL
};

static int library_init(UKM_INIT_ARGS)
{
	struct uk_alloc_libstats_entry *library;
	__u16 nr = 0;

	uk_alloc_foreach_libstats(library)
		ukm_object_add(UKM_OBJECT_LIBRARY, nr++, library->libname,
			       library_entries, library->a);

	return 0;
}
ukm_sys_initcall(library_init);
#endif /* CONFIG_LIBUKMETRICS_MEMORY_PERLIB */
#endif /* !UKM_STORE_V1 */
