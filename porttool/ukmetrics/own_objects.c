/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ukstore allocates an object piece by piece, and the allocator that Unikraft
 * boots with hands out whole pages. So the pieces come from an allocator of
 * our own, which cuts them from few pages and never gets them back: objects
 * of this library live for ever.
 */
#include <errno.h>
#include <string.h>
#include <uk/alloc.h>
#include <uk/arch/limits.h>
#include <uk/essentials.h>
#include <uk/errptr.h>
#include <uk/print.h>

#include "objects.h"

static char *page;
static size_t page_used = __PAGE_SIZE;

static void *piece_malloc(struct uk_alloc *a __unused, __sz size)
{
	void *piece;

	size = ALIGN_UP(size, 8);
	if (size > __PAGE_SIZE)
		return NULL;

	if (size > __PAGE_SIZE - page_used) {
		page = uk_palloc(uk_alloc_get_default(), 1);
		if (!page) {
			page_used = __PAGE_SIZE;
			return NULL;
		}
		page_used = 0;
	}

	piece = page + page_used;
	page_used += size;
	return piece;
}

static void *piece_calloc(struct uk_alloc *a, __sz nmemb, __sz size)
{
	void *piece;

	if (nmemb && size > __PAGE_SIZE / nmemb)
		return NULL;

	piece = piece_malloc(a, nmemb * size);
	return piece ? memset(piece, 0, nmemb * size) : NULL;
}

static void piece_free(struct uk_alloc *a __unused, void *piece __unused)
{
}

/* ukstore asks nothing else of the allocator that it is given */
static struct uk_alloc pieces = {
	.malloc = piece_malloc,
	.calloc = piece_calloc,
	.free = piece_free,
};

void ukm_object_add(__u32 kind, __u16 nr, const char *name,
		    const struct uk_store_entry *entries[], void *cookie)
{
	struct uk_store_object *obj;
	int rc;

	obj = uk_store_obj_alloc(&pieces, (__u64)kind << 16 | nr, name, entries,
				 cookie);
	rc = PTRISERR(obj) ? PTR2ERR(obj) : uk_store_obj_add(obj);
	if (rc)
		uk_pr_warn("ukmetrics: no figures of %s: %d\n", name, rc);
}
