/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <toy_store.h>
#include <uk/alloc.h>
#include <uk/errptr.h>
#include <uk/essentials.h>
#include <uk/init.h>
#include <uk/store.h>

/* Known in this file only: others have to take it by its value */
#define TOY_POOL_USED	0x20

static int get_requests(void *cookie __unused, __u64 *out)
{
	*out = 41;
	return 0;
}
UK_STORE_STATIC_ENTRY(TOY_REQUESTS, requests_total, u64, get_requests, NULL);

static int get_flavour(void *cookie __unused, char **out)
{
	*out = strdup("sweet");
	return *out ? 0 : -ENOMEM;
}
UK_STORE_STATIC_ENTRY(2, flavour, charp, get_flavour, NULL);

static int get_used(void *cookie, __u32 *out)
{
	*out = (__uptr)cookie;
	return 0;
}

static const struct uk_store_entry *pool_entries[] = {
	UK_STORE_ENTRY(TOY_POOL_USED, "used_bytes", u32, get_used, NULL),
	NULL
};

static int toy_init(struct uk_init_ctx *ctx __unused)
{
	struct uk_store_object *obj;

	obj = uk_store_obj_alloc(uk_alloc_get_default(), 1, "pool0",
				 pool_entries, (void *)4096);
	if (PTRISERR(obj))
		abort();
	uk_store_obj_add(obj);
	return 0;
}
uk_plat_initcall(toy_init, 0x0);
