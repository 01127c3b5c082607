/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uk/alloc_store.h>
#include <uk/ctors.h>
#include <uk/errptr.h>
#include <uk/essentials.h>
#include <uk/event.h>
#include <uk/init.h>
#include <uk/libparam.h>
#include <uk/mutex.h>
#include <uk/netdev_store.h>
#include <uk/sched.h>
#include <uk/store.h>

static char *what = "";
static __s8 small = 1;
static int flag;
UK_LIBPARAM_PARAM(what, charp, "What to do");
UK_LIBPARAM_PARAM(small, __s8, "A number");
UK_LIBPARAM_PARAM(flag, bool, "A truth");

#define ORDER(level)							\
	static int order_##level(struct uk_init_ctx *ctx __unused)	\
	{								\
		printf(#level " ");					\
		return 0;						\
	}								\
	uk_##level##_initcall_prio(order_##level, 0x0, 8)

/* Not in the order in which they have to run */
ORDER(late);
ORDER(early);
ORDER(sys);
ORDER(plat);
ORDER(rootfs);
ORDER(lib);

static int first(struct uk_init_ctx *ctx __unused)
{
	printf("first ");
	return 0;
}
uk_early_initcall_prio(first, 0x0, UK_PRIO_EARLIEST);

static void ctor(void)
{
	printf("ctor ");
}
UK_CTOR(ctor);

static void ended(const struct uk_term_ctx *ctx __unused)
{
	printf("ended\n");
}
uk_late_initcall(0x0, ended);

static int get_negative(void *cookie __unused, __s64 *out)
{
	*out = -1;
	return 0;
}
UK_STORE_STATIC_ENTRY(1, negative, s64, get_negative, NULL);

static int get_text(void *cookie __unused, char **out)
{
	*out = strdup("text");
	return *out ? 0 : -ENOMEM;
}
UK_STORE_STATIC_ENTRY(2, text, charp, get_text, NULL);

static int nr_handled;

static int count_one(void *data __unused)
{
	nr_handled++;
	return UK_EVENT_HANDLED_CONT;
}
static int stop_here(void *data __unused)
{
	nr_handled += 10;
	return UK_EVENT_HANDLED;
}
static int not_reached(void *data __unused)
{
	nr_handled += 100;
	return UK_EVENT_NOT_HANDLED;
}
UK_EVENT_HANDLER(PROBE_EVENT, not_reached);
UK_EVENT_HANDLER_PRIO(PROBE_EVENT, stop_here, 5);
UK_EVENT_HANDLER_PRIO(PROBE_EVENT, count_one, UK_PRIO_EARLIEST);
UK_EVENT(PROBE_EVENT);
UK_EVENT(PROBE_SILENT);

static struct uk_mutex static_mutex = UK_MUTEX_INITIALIZER(static_mutex);

static void mutexes(void)
{
	struct uk_mutex_metrics before, held, after;
	struct uk_mutex m;

	uk_mutex_get_metrics(&before);
	uk_mutex_init_config(&m, UK_MUTEX_CONFIG_RECURSE);
	uk_mutex_lock(&m);
	uk_mutex_lock(&m);
	uk_mutex_trylock(&m);
	uk_mutex_lock(&static_mutex);
	uk_mutex_get_metrics(&held);
	uk_mutex_unlock(&static_mutex);
	uk_mutex_unlock(&m);
	uk_mutex_unlock(&m);
	uk_mutex_unlock(&m);
	uk_mutex_get_metrics(&after);
	printf("held %zd %zd locks %zu trylocks %zu unlocks %zu after %zd %zd\n",
	       held.active_locked - before.active_locked,
	       held.active_unlocked - before.active_unlocked,
	       after.total_locks - before.total_locks,
	       after.total_ok_trylocks - before.total_ok_trylocks,
	       after.total_unlocks - before.total_unlocks,
	       after.active_locked - before.active_locked,
	       after.active_unlocked - before.active_unlocked);
}

static void reads(void)
{
	const __u16 self = uk_libid_self(), net = uk_libid("libuknetdev");
	const struct uk_store_entry *e;
	struct uk_store_object *obj;
	char text[2] = "";
	__u64 u = 77;
	__s8 s = 0;

	e = uk_store_static_entry_get(self, 1);
	printf("u64 %d ", uk_store_get_value(e, u64, &u) == -ERANGE);
	printf("s8 %d ", uk_store_get_value(e, s8, &s));
	printf("%d ", s);
	e = uk_store_static_entry_get(self, 2);
	printf("text %d ", uk_store_get_value(e, u64, &u));
	printf("%d ", (int)u);
	printf("ncharp %d ", _uk_store_get_ncharp(e, text, 2));
	printf("%.2s ", text);
	printf("none %d ", uk_store_static_entry_get(self, 99) == NULL);
	printf("self %d ", self == uk_libid("libprobe"));
	printf("unprefixed %u ", uk_libid("ukalloc"));
	printf("no objects %d ", uk_store_obj_acquire(self, 1) == NULL);
	obj = uk_store_obj_acquire(net, 0);
	e = uk_store_obj_entry_get(obj, UK_NETDEV_STATS_RX_BYTES);
	printf("%s %s %s\n", obj->name, e->name,
	       uk_store_static_entry_get(uk_libid("libukalloc"),
			UK_ALLOC_STATS_CUR_MEM_FREE)->name);
	uk_store_obj_release(obj);
}

static int probe(struct uk_init_ctx *ctx)
{
	const __u16 net = uk_libid("libuknetdev");
	const struct uk_store_entry *e;
	struct uk_store_object *obj;
	char *text;
	__u64 u;

	printf("small %d flag %d argc %d argv0 %d\n", small, flag,
	       ctx->cmdline.argc, ctx->cmdline.argv[0] != NULL);
	fflush(stdout);

	if (!strcmp(what, "static of no library")) {
		uk_store_static_entry_get(uk_libid("ukalloc"), 1);
	} else if (!strcmp(what, "object of no library")) {
		uk_store_obj_acquire(UKLIBID_NONE, 0);
	} else if (!strcmp(what, "unknown object")) {
		obj = uk_store_obj_acquire(net, 4711);
		printf("id %d\n", obj->id == 4711);
		fflush(stdout);
		uk_store_obj_entry_get(obj, UK_NETDEV_STATS_RX_BYTES);
	} else if (!strcmp(what, "unknown entry")) {
		obj = uk_store_obj_acquire(net, 0);
		e = uk_store_obj_entry_get(obj, 4711);
		printf("id %d\n", e->id == 4711);
		fflush(stdout);
		uk_store_get_value(e, u64, &u);
	} else if (!strcmp(what, "last reference")) {
		obj = uk_store_obj_acquire(net, 0);
		uk_store_obj_release(obj);
		uk_store_obj_release(obj);
	} else if (!strcmp(what, "charp of static")) {
		uk_store_get_value(uk_store_static_entry_get(uk_libid_self(), 2),
				   charp, &text);
	} else if (!strcmp(what, "lock twice")) {
		uk_mutex_lock(&static_mutex);
		uk_mutex_lock(&static_mutex);
	} else if (!strcmp(what, "init fails")) {
		return -EINVAL;
	} else if (!strcmp(what, "mutexes")) {
		mutexes();
	} else if (!strcmp(what, "reads")) {
		reads();
	} else if (!strcmp(what, "events")) {
		printf("%d ", uk_raise_event(PROBE_EVENT, NULL));
		printf("%d ", uk_raise_event(PROBE_SILENT, NULL));
		printf("%d\n", nr_handled);
	} else if (!strcmp(what, "greeting")) {
		printf("%s\n", CONFIG_LIBPROBE_GREETING);
	}
	fflush(stdout);
	return 0;
}
uk_late_initcall(probe, 0x0);
