/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_ALLOC_H__
#define __UK_ALLOC_H__

#include <uk/config.h>
#include <uk/essentials.h>

struct uk_alloc {
	void *(*malloc)(struct uk_alloc *a, __sz size);
	void *(*calloc)(struct uk_alloc *a, __sz nmemb, __sz size);
	void *(*realloc)(struct uk_alloc *a, void *ptr, __sz size);
	void (*free)(struct uk_alloc *a, void *ptr);
};

struct uk_alloc *uk_alloc_get_default(void);

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
