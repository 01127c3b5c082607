/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ukstore interface of Unikraft 0.14 and later. What is dangerous there is
 * noticed here: see store.c.
 */
#ifndef __UK_STORE_H__
#define __UK_STORE_H__

#include <string.h>
#include <uk/alloc.h>
#include <uk/arch/limits.h>
#include <uk/arch/types.h>
#include <uk/assert.h>
#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/libid.h>
#include <uk/list.h>

/* X-macro: the numeric types of an entry */
#define TWIN_STORE_NUMERIC(X) \
	X(s8) X(u8) X(s16) X(u16) X(s32) X(u32) X(s64) X(u64) X(uptr)

#define UK_STORE_ENTRY_TYPE(simple_type) TWIN_STORE_TYPE_##simple_type

enum uk_store_entry_type {
	TWIN_STORE_TYPE_undef = 0,
#define X(t) TWIN_STORE_TYPE_##t,
	TWIN_STORE_NUMERIC(X)
#undef X
	TWIN_STORE_TYPE_charp
};

#define X(t)								\
	typedef int (*uk_store_get_##t##_func_t)(void *, __##t *);	\
	typedef int (*uk_store_set_##t##_func_t)(void *, __##t);
TWIN_STORE_NUMERIC(X)
#undef X
typedef int (*uk_store_get_charp_func_t)(void *, char **);
typedef int (*uk_store_set_charp_func_t)(void *, const char *);

struct uk_store_entry {
	union {
#define X(t) uk_store_get_##t##_func_t t;
		TWIN_STORE_NUMERIC(X)
#undef X
		uk_store_get_charp_func_t charp;
	} get;
	union {
#define X(t) uk_store_set_##t##_func_t t;
		TWIN_STORE_NUMERIC(X)
#undef X
		uk_store_set_charp_func_t charp;
	} set;
	__u64 id;
	char *name;
	int flags;
	enum uk_store_entry_type type;
} __align8;

#define UK_STORE_ENTRY_FLAG_STATIC	(1 << 0)

struct uk_store_object {
	struct uk_list_head object_head;
	struct uk_list_head entry_head;
	struct uk_alloc *a;
	__u16 libid;
	__u64 id;
	char *name;
	int refcount;
	void *cookie;
} __align8;

struct uk_store_event_data {
	__u16 library_id;
	__u64 object_id;
};

/* One section a library; twin.mk writes the table of their bounds */
#define __UK_STORE_STATIC_ENTRY(eid, entry, lib, e_type, e_get, e_set)	\
	static const struct uk_store_entry				\
	__used __section("twin_store_" lib) __align8				\
	__twin_store_entry_##entry = {					\
		.id = (eid), .name = (char *)#entry,			\
		.type = UK_STORE_ENTRY_TYPE(e_type),			\
		.get.e_type = (e_get), .set.e_type = (e_set),		\
		.flags = UK_STORE_ENTRY_FLAG_STATIC			\
	}
#define _UK_STORE_STATIC_ENTRY(eid, entry, lib, e_type, e_get, e_set) \
	__UK_STORE_STATIC_ENTRY(eid, entry, lib, e_type, e_get, e_set)
#define UK_STORE_STATIC_ENTRY(eid, entry, e_type, e_get, e_set)		\
	_UK_STORE_STATIC_ENTRY(eid, entry, STRINGIFY(__LIBNAME__),	\
			       e_type, e_get, e_set)

/* The name is made a string, so "x" becomes "\"x\"": trap 5 in store.c */
#define UK_STORE_ENTRY(_id, _name, _type, _get, _set)			\
	(&(struct uk_store_entry){					\
		.id = (_id), .name = (char *)STRINGIFY(_name),		\
		.type = UK_STORE_ENTRY_TYPE(_type),			\
		.get._type = (_get), .set._type = (_set),		\
	})

struct uk_store_object *
uk_store_obj_alloc(struct uk_alloc *a, __u64 id, const char *name,
		   const struct uk_store_entry *entries[], void *cookie);

#define uk_store_obj_add(obj)	_uk_store_obj_add(uk_libid_self(), (obj))
int _uk_store_obj_add(__u16 library_id, struct uk_store_object *object);

struct uk_store_object *uk_store_obj_acquire(__u16 library_id,
					     __u64 object_id);
void uk_store_obj_release(struct uk_store_object *object);

const struct uk_store_entry *uk_store_static_entry_get(__u16 library_id,
						       __u64 entry_id);
const struct uk_store_entry *
uk_store_obj_entry_get(struct uk_store_object *object, __u64 entry_id);

#define uk_store_get_value(entry, outtype, out) \
	_uk_store_get_##outtype((entry), (out))

#define X(t) int _uk_store_get_##t(const struct uk_store_entry *e, __##t *out);
TWIN_STORE_NUMERIC(X)
#undef X
int _uk_store_get_charp(const struct uk_store_entry *e, char **out);
int _uk_store_get_ncharp(const struct uk_store_entry *e, char *out,
			 __sz maxlen);

#endif /* __UK_STORE_H__ */
