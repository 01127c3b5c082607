/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_ALLOC_H__
#define __UK_ALLOC_H__

#include <uk/config.h>
#include <uk/essentials.h>

struct uk_alloc_stats {
	__sz last_alloc_size;
	__sz max_alloc_size;
	__sz min_alloc_size;
	__u64 tot_nb_allocs;
	__u64 tot_nb_frees;
	__s64 cur_nb_allocs;
	__s64 max_nb_allocs;
	__ssz cur_mem_use;
	__ssz max_mem_use;
	__u64 nb_enomem;
};

struct uk_alloc {
	void *(*malloc)(struct uk_alloc *a, __sz size);
	void *(*calloc)(struct uk_alloc *a, __sz nmemb, __sz size);
	void *(*realloc)(struct uk_alloc *a, void *ptr, __sz size);
	void (*free)(struct uk_alloc *a, void *ptr);
};

struct uk_alloc *uk_alloc_get_default(void);

/* The twin has the one allocator */
#define uk_alloc_foreach(iter)						\
	for (iter = uk_alloc_get_default(); iter; iter = NULL)

struct uk_alloc_libstats_entry {
	const char *libname;
	struct uk_alloc *a;
};

/* Nor does it tell the libraries apart: they all count as one */
extern struct uk_alloc_libstats_entry twin_libstats;
#define uk_alloc_foreach_libstats(iter)					\
	for (iter = &twin_libstats; iter == &twin_libstats; iter++)

__ssz uk_alloc_availmem(struct uk_alloc *a);
__ssz uk_alloc_maxalloc(struct uk_alloc *a);
__sz uk_alloc_availmem_total(void);
void uk_alloc_stats_get(struct uk_alloc *a, struct uk_alloc_stats *dst);
void uk_alloc_stats_get_global(struct uk_alloc_stats *dst);
void *uk_palloc(struct uk_alloc *a, unsigned long num_pages);

static inline void *uk_malloc(struct uk_alloc *a, __sz size)
{
	return a->malloc(a, size);
}

static inline void *uk_calloc(struct uk_alloc *a, __sz nmemb, __sz size)
{
	return a->calloc(a, nmemb, size);
}

static inline void *uk_realloc(struct uk_alloc *a, void *ptr, __sz size)
{
	return a->realloc(a, ptr, size);
}

static inline void uk_free(struct uk_alloc *a, void *ptr)
{
	a->free(a, ptr);
}

#endif /* __UK_ALLOC_H__ */
