/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <traps_store.h>
#include <uk/errptr.h>
#include <uk/essentials.h>
#include <uk/event.h>
#include <uk/init.h>
#include <uk/libparam.h>
#include <uk/sched.h>
#include <uk/store.h>

#define STATIC(id, type, value)						\
	static int get_static_##type(void *cookie __unused, __##type *out) \
	{								\
		*out = (value);						\
		return 0;						\
	}								\
	UK_STORE_STATIC_ENTRY(id, type, type, get_static_##type, NULL)

STATIC(TRAPS_U8, u8, 200);
STATIC(TRAPS_S8, s8, -5);
STATIC(TRAPS_U16, u16, 65535);
STATIC(TRAPS_S16, s16, -300);
STATIC(TRAPS_U32, u32, 4000000000u);
STATIC(TRAPS_S32, s32, -70000);
STATIC(TRAPS_U64, u64, 1ULL << 63);
STATIC(TRAPS_S64, s64, -(1LL << 40));

static int get_text(void *cookie __unused, char **out)
{
	*out = strdup("not a number");
	return *out ? 0 : -ENOMEM;
}
UK_STORE_STATIC_ENTRY(TRAPS_CHARP, text, charp, get_text, NULL);

static int get_failing(void *cookie __unused, __u64 *out)
{
	*out = 1;
	return -EAGAIN;
}
UK_STORE_STATIC_ENTRY(TRAPS_FAILING, failing, u64, get_failing, NULL);
UK_STORE_STATIC_ENTRY(TRAPS_NO_GETTER, no_getter, u64, NULL, NULL);

static int get_zero(void *cookie __unused, __u64 *out)
{
	*out = 0;
	return 0;
}
UK_STORE_STATIC_ENTRY(TRAPS_ZERO, zero, u64, get_zero, NULL);

static int get_a(void *cookie, __u64 *out)
{
	*out = (__uptr)cookie;
	return 0;
}

static int get_b(void *cookie, __s32 *out)
{
	*out = -(__s32)(__uptr)cookie;
	return 0;
}

static void add(__u64 id, const char *name, bool with_b)
{
	const struct uk_store_entry *entries[] = {
		UK_STORE_ENTRY(TRAPS_OBJ_A, "a", u64, get_a, NULL),
		with_b ? UK_STORE_ENTRY(TRAPS_OBJ_B, "b", s32, get_b, NULL)
		       : NULL,
		NULL
	};
	struct uk_store_object *obj;

	obj = uk_store_obj_alloc(uk_alloc_get_default(), id, name, entries,
				 (void *)(__uptr)id);
	if (PTRISERR(obj))
		abort();
	uk_store_obj_add(obj);
}

static int nr_more;
static int late_ms;
UK_LIBPARAM_PARAM_ALIAS(more, &nr_more, int, "Further objects at boot");
UK_LIBPARAM_PARAM_ALIAS(late, &late_ms, int,
			"Milliseconds until objects come and go");

static void __noreturn come_and_go(void *arg __unused)
{
	struct uk_store_event_data gone = {
		.library_id = uk_libid_self(), .object_id = 7
	};

	uk_sched_thread_sleep(late_ms * 1000000LL);
	add(9, "late", true);
	uk_raise_event(UKSTORE_EVENT_RELEASE_OBJECT, &gone);
	uk_sched_thread_exit();
}

static int traps_init(struct uk_init_ctx *ctx __unused)
{
	char name[] = "more00";
	int i;

	add(7, "seven", true);
	add(8, "without b", false);
	add(70, "seven", true);
	add(71, "caf\xe9", true);
	for (i = 0; i < nr_more; i++) {
		name[4] = (char)('0' + i / 10);
		name[5] = (char)('0' + i % 10);
		add(100 + (__u64)i, name, true);
	}

	if (late_ms)
		uk_sched_thread_create(uk_sched_current(), come_and_go, NULL,
				       "traps");
	return 0;
}
uk_plat_initcall(traps_init, 0x0);
