/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ukstore as in Unikraft 0.16.3, traps included:
 *
 * 1. A library id is an index that nobody checks, UKLIBID_NONE too. There:
 *    whatever lies behind the table. Here: the twin ends.
 * 2. An object that a library does not have, but had others, is
 *    non-NULL garbage, and being acquired it is written to. Here: a decoy,
 *    reported on the console; the twin ends when it is used.
 * 3. An entry that an object does not have is non-NULL garbage, which by chance
 *    may bear the id that was asked for. Here: a decoy of the type of another
 *    entry, for even ids with that very id but flags that no entry has; the
 *    twin ends when it is read.
 * 4. Giving back the last reference crashes, if the object has entries. Here:
 *    the twin ends.
 * 5. Names of entries of objects carry quotes, those of static entries do not.
 * 6. uk_store_get_value(entry, charp, ...) of a static entry takes it for one
 *    of an object and reads what lies behind. Here: the twin ends.
 * 7. _uk_store_get_ncharp() does not terminate a text that it had to cut off.
 * 8. A number that does not fit the type it is read as is -ERANGE, so is a
 *    negative one read as unsigned.
 * 9. A text that is not a number, read as one, is 0 (success) and leaves the
 *    output as it was; an empty one is -1; a number in it that does not fit is
 *    cut off. As uptr it is read, and written, in hexadecimal.
 * 10. A text that was read as a number is not freed.
 * 11. A u64 of 20 digits loses the last one when it is read as charp.
 * 12. Nobody ever raises UKSTORE_EVENT_RELEASE_OBJECT.
 *
 * tests/ukstore holds this and the real store.c to the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uk/errptr.h>
#include <uk/event.h>
#include <uk/print.h>
#include <uk/store.h>

#include "twin.h"

struct object_entry {
	struct uk_store_entry entry;
	struct uk_store_object *object;
	struct object_entry *next;
};

struct object {
	struct uk_store_object object;
	struct object_entry *entries;
	struct uk_store_entry decoy;
	struct object *next;
};

/* The room for a u64, one digit short of the largest: trap 11 */
#define U64_SIZE	(19 + 1)

/* Bit patterns that no id has by chance */
#define DECOY_ID	0xdec0dec0dec0dec0ULL

static struct object *objects[__UKLIBID_COUNT__];
/* Set once a library has objects; stays set when they go */
static bool had_objects[__UKLIBID_COUNT__];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct object decoy_object = {
	.object = { .libid = UKLIBID_NONE, .id = DECOY_ID }
};
static char decoy_name[] = "decoy";

static void check_libid(__u16 libid, const char *function)
{
	if (libid >= uk_libid_count())
		twin_crash("%s() with library id %u, which no library has (UKLIBID_NONE is %u): Unikraft would read beyond its table",
			   function, libid, UKLIBID_NONE);
}

static bool is_static(const struct uk_store_entry *e)
{
	return e->flags & UK_STORE_ENTRY_FLAG_STATIC;
}

static struct uk_store_object *object_of(const struct uk_store_entry *e)
{
	return __containerof(e, struct object_entry, entry)->object;
}

static void *cookie_of(const struct uk_store_entry *e)
{
	return is_static(e) ? NULL : object_of(e)->cookie;
}

static void check_entry(const struct uk_store_entry *e)
{
	UK_ASSERT(e);
	if (e->name == decoy_name)
		twin_crash("an entry was read that its object does not have: Unikraft would have taken whatever lies there for one");
}

struct uk_store_object *
uk_store_obj_alloc(struct uk_alloc *a, __u64 id, const char *name,
		   const struct uk_store_entry *entries[], void *cookie)
{
	struct object_entry *entry;
	struct object *object;
	size_t i;

	UK_ASSERT(name && entries);

	object = uk_calloc(a, 1, sizeof(*object));
	if (!object)
		return ERR2PTR(ENOMEM);

	object->object.a = a;
	object->object.id = id;
	object->object.cookie = cookie;
	object->object.refcount = 1;
	object->object.name = uk_malloc(a, strlen(name) + 1);
	if (!object->object.name)
		goto err;
	strcpy(object->object.name, name);

	for (i = 0; entries[i]; i++) {
		entry = uk_calloc(a, 1, sizeof(*entry));
		if (!entry)
			goto err;
		entry->entry = *entries[i];
		entry->entry.flags = 0;
		entry->object = &object->object;
		entry->next = object->entries;
		object->entries = entry;
	}

	return &object->object;

err:
	while ((entry = object->entries)) {
		object->entries = entry->next;
		uk_free(a, entry);
	}
	uk_free(a, object->object.name);
	uk_free(a, object);
	return ERR2PTR(ENOMEM);
}

int _uk_store_obj_add(__u16 library_id, struct uk_store_object *object)
{
	struct uk_store_event_data event = { .library_id = library_id };
	struct object *o;

	UK_ASSERT(object);
	check_libid(library_id, __func__);

	o = __containerof(object, struct object, object);
	object->libid = library_id;
	event.object_id = object->id;

	pthread_mutex_lock(&lock);
	o->next = objects[library_id];
	objects[library_id] = o;
	had_objects[library_id] = true;
	pthread_mutex_unlock(&lock);

	uk_raise_event(UKSTORE_EVENT_CREATE_OBJECT, &event);
	return 0;
}

struct uk_store_object *uk_store_obj_acquire(__u16 library_id, __u64 object_id)
{
	struct object *o;

	check_libid(library_id, __func__);

	pthread_mutex_lock(&lock);
	for (o = objects[library_id]; o; o = o->next)
		if (o->object.id == object_id) {
			o->object.refcount++;
			break;
		}
	pthread_mutex_unlock(&lock);

	if (o)
		return &o->object;
	if (!had_objects[library_id])
		return NULL;

	uk_pr_crit("object %" __PRIu64 " of %s does not exist: Unikraft would have written to foreign memory\n",
		   object_id, uk_libname(library_id));
	return &decoy_object.object;
}

/* What is left of it is not freed there either */
static void take_away(struct object *object)
{
	struct object **o;

	for (o = &objects[object->object.libid]; *o; o = &(*o)->next)
		if (*o == object) {
			*o = object->next;
			break;
		}
	uk_free(object->object.a, object->object.name);
}

void uk_store_obj_release(struct uk_store_object *object)
{
	struct object *o;

	UK_ASSERT(object);
	if (object == &decoy_object.object)
		twin_crash("an object was released that does not exist");

	o = __containerof(object, struct object, object);
	pthread_mutex_lock(&lock);
	if (object->refcount > 1)
		object->refcount--;
	else if (o->entries)
		twin_crash("the last reference of object '%s' was released: Unikraft crashes",
			   object->name);
	else
		take_away(o);
	pthread_mutex_unlock(&lock);
}

const struct uk_store_entry *uk_store_static_entry_get(__u16 library_id,
						       __u64 entry_id)
{
	const struct twin_store_section *section;
	const struct uk_store_entry *e;

	check_libid(library_id, __func__);

	section = &twin_store_sections[library_id];
	for (e = section->start; e != section->stop; e++)
		if (e->id == entry_id)
			return e;

	return NULL;
}

const struct uk_store_entry *
uk_store_obj_entry_get(struct uk_store_object *object, __u64 entry_id)
{
	const struct object_entry *entry;
	struct object *o;

	UK_ASSERT(object);
	if (object == &decoy_object.object)
		twin_crash("an object was used that does not exist");

	o = __containerof(object, struct object, object);
	for (entry = o->entries; entry; entry = entry->next)
		if (entry->entry.id == entry_id)
			return &entry->entry;

	o->decoy = (struct uk_store_entry){
		.id = entry_id % 2 ? DECOY_ID : entry_id,
		.flags = entry_id % 2 ? 0 : 0x0dec0ded,
		.type = o->entries ? o->entries->entry.type : 0,
		.name = decoy_name,
	};
	return &o->decoy;
}

/* A value of any numeric type, wide enough for all of them */
struct number {
	__u64 magnitude;
	bool negative;
};

static struct number number_of_signed(__s64 value)
{
	return (struct number){
		.magnitude = value < 0 ? -(__u64)value : (__u64)value,
		.negative = value < 0,
	};
}

/* What the getter returned, or -EINVAL for an entry that is not a number */
static int read_number(const struct uk_store_entry *e, struct number *number)
{
	void *cookie = cookie_of(e);
	int rc;

	switch (e->type) {
#define SIGNED(t)							\
	case UK_STORE_ENTRY_TYPE(t): {					\
		__##t value;						\
		rc = e->get.t(cookie, &value);				\
		if (rc >= 0)						\
			*number = number_of_signed(value);		\
		return rc;						\
	}
#define UNSIGNED(t)							\
	case UK_STORE_ENTRY_TYPE(t): {					\
		__##t value;						\
		rc = e->get.t(cookie, &value);				\
		if (rc >= 0)						\
			*number = (struct number){ .magnitude = value };\
		return rc;						\
	}
	SIGNED(s8)
	SIGNED(s16)
	SIGNED(s32)
	SIGNED(s64)
	UNSIGNED(u8)
	UNSIGNED(u16)
	UNSIGNED(u32)
	UNSIGNED(u64)
	UNSIGNED(uptr)
	default:
		return -EINVAL;
	}
}

/* A text that is read as a number is not freed: trap 10 */
static int scan(const struct uk_store_entry *e, const char *format, void *out)
{
	char *text;
	int scanned, rc;

	rc = e->get.charp(cookie_of(e), &text);
	if (rc < 0)
		return rc;
	scanned = sscanf(text, format, out);
	return scanned < 0 ? scanned : rc;
}

/* lowest: the magnitude of the smallest value */
#define GETTER(t, highest, lowest, format)				\
	int _uk_store_get_##t(const struct uk_store_entry *e, __##t *out) \
	{								\
		struct number number;					\
		int rc;							\
									\
		check_entry(e);						\
		if (!e->get.u8)						\
			return -EIO;					\
		if (e->type == UK_STORE_ENTRY_TYPE(charp))		\
			return scan(e, "%" format, out);		\
		rc = read_number(e, &number);				\
		if (rc < 0)						\
			return rc;					\
		if (number.magnitude > (number.negative ? (__u64)(lowest) \
						: (__u64)(highest)))	\
			return -ERANGE;					\
		*out = (__##t)(number.negative ? -number.magnitude	\
					       : number.magnitude);	\
		return rc;						\
	}
GETTER(u8, __U8_MAX, 0, SCNu8)
GETTER(u16, __U16_MAX, 0, SCNu16)
GETTER(u32, __U32_MAX, 0, SCNu32)
GETTER(u64, __U64_MAX, 0, SCNu64)
GETTER(uptr, UINTPTR_MAX, 0, SCNxPTR)
GETTER(s8, __S8_MAX, 1ULL << 7, SCNd8)
GETTER(s16, __S16_MAX, 1ULL << 15, SCNd16)
GETTER(s32, __S32_MAX, 1ULL << 31, SCNd32)
GETTER(s64, __S64_MAX, 1ULL << 63, SCNd64)

static int format(const struct uk_store_entry *e, char *out, size_t size)
{
	struct number number;
	int rc = read_number(e, &number);

	if (rc < 0)
		return rc;
	if (e->type == UK_STORE_ENTRY_TYPE(uptr))
		snprintf(out, size, "0x%" PRIxPTR,
			 (uintptr_t)number.magnitude);
	else
		snprintf(out, size, "%s%" __PRIu64, number.negative ? "-" : "",
			 number.magnitude);
	return rc;
}

int _uk_store_get_charp(const struct uk_store_entry *e, char **out)
{
	char text[24];
	int rc;

	check_entry(e);
	if (is_static(e))
		twin_crash("static entry '%s' was read as charp: Unikraft takes it for one of an object and crashes",
			   e->name);
	if (!e->get.u8)
		return -EIO;

	if (e->type == UK_STORE_ENTRY_TYPE(charp))
		return e->get.charp(cookie_of(e), out);

	rc = format(e, text, e->type == UK_STORE_ENTRY_TYPE(u64)
				     ? U64_SIZE : sizeof(text));
	if (rc < 0)
		return rc;
	*out = strdup(text);
	return *out ? rc : -ENOMEM;
}

int _uk_store_get_ncharp(const struct uk_store_entry *e, char *out, __sz maxlen)
{
	char *text;
	int rc;

	check_entry(e);
	if (!e->get.u8)
		return -EIO;
	if (e->type != UK_STORE_ENTRY_TYPE(charp))
		return format(e, out, maxlen);

	rc = e->get.charp(cookie_of(e), &text);
	if (rc < 0)
		return rc;
	memset(out, 0, maxlen);
	memcpy(out, text, MIN(strlen(text), maxlen));
	free(text);
	return rc;
}

UK_EVENT(UKSTORE_EVENT_CREATE_OBJECT);
UK_EVENT(UKSTORE_EVENT_RELEASE_OBJECT);
