/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes calls of ukstore, of either generation, and says what they gave.
 *
 * Its library has a static entry of each type, called after the type, whose
 * value is what the call `holds` set, and:
 *   failing  whose getter returns -EAGAIN
 *   deaf     without a getter
 *
 * Calls that begin with `ukm` go through what lib-ukmetrics reads ukstore with,
 * which is compiled into this library.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uk/alloc.h>
#include <uk/essentials.h>
#include <uk/store.h>

#include "driver.h"
#include "store.h"
#include "table.h"

#define V1	UKM_STORE_V1
#if !V1
#include <uk/errptr.h>
#include <uk/event.h>
#include <uk/libid.h>
#endif

/* For who looks at what the store gave, whatever memory that is */
#define ANYWHERE	__attribute__((no_sanitize("address"), noinline))

#define NUMERIC(X) \
	X(s8) X(u8) X(s16) X(u16) X(s32) X(u32) X(s64) X(u64) X(uptr)

enum {
	/* Those below are of the entries that come with the reader */
	ID_none = 100,
#define X(t) ID_##t,
	NUMERIC(X)
#undef X
	ID_charp, ID_failing, ID_deaf, ID_nothing, ID_nothing_even
};

#if V1
#define STATIC(name, type, getter) \
	UK_STORE_STATIC_ENTRY(name, type, getter, NULL, NULL)
#else
#define STATIC(name, type, getter) \
	UK_STORE_STATIC_ENTRY(ID_##name, name, type, getter, NULL)
#endif

static const char *held = "0";

static int get_charp(void *cookie __unused, char **out)
{
	*out = malloc(strlen(held) + 1);
	if (!*out)
		return -ENOMEM;
	strcpy(*out, held);
	return 0;
}
STATIC(charp, charp, get_charp);

#define X(t)								\
	static int get_##t(void *cookie __unused, __##t *out)		\
	{								\
		*out = *held == '-' ? (__##t)strtoll(held, NULL, 10)	\
				    : (__##t)strtoull(held, NULL, 10);	\
		return 0;						\
	}								\
	STATIC(t, t, get_##t);
NUMERIC(X)
#undef X

static int get_failing(void *cookie __unused, __u64 *out)
{
	*out = 1;
	return -EAGAIN;
}
STATIC(failing, u64, get_failing);
/* Stays behind `failing`: a store that takes that one for an entry of an object
 * takes this getter for the object, and NULL is none.
 */
STATIC(deaf, u64, NULL);

/* The metric table that belongs to the reader */
const struct ukm_row ukm_rows[] = { { .family = NULL } };

static __u16 library;
static const struct uk_store_entry *entry;

static void say_rc(int rc)
{
	switch (rc) {
#define E(e) case -e: printf("-" #e); break;
	E(EAGAIN)
	E(EINVAL)
	E(EIO)
	E(ERANGE)
#undef E
	default:
		printf("%d", rc);
	}
}

static void say_number(const char *type, const void *out)
{
#define X(t)								\
	if (!strcmp(type, #t))						\
		printf(*#t == 's' ? " %" PRIdMAX : " %" PRIuMAX,	\
		       (intmax_t)*(const __##t *)out);
	NUMERIC(X)
#undef X
}

/* "RC VALUE"; "RC untouched" for an output that is what it was */
static int call_read(const char *type)
{
	char out[8], was[8];
	int rc = -ENOSYS;

	memset(out, 0xa5, sizeof(out));
	memcpy(was, out, sizeof(was));

#define X(t)								\
	if (!strcmp(type, #t))						\
		rc = uk_store_get_value(entry, t, (__##t *)(void *)out);
	NUMERIC(X)
#undef X
	if (rc == -ENOSYS)
		return 2;

	say_rc(rc);
	if (!memcmp(out, was, sizeof(out)))
		printf(" untouched");
	else
		say_number(type, out);
	printf("\n");
	return 0;
}

static int call_string(void)
{
	char *text = NULL;
	int rc = uk_store_get_value(entry, charp, &text);

	say_rc(rc);
	printf(rc < 0 ? "\n" : " %s\n", text);
	return 0;
}

/* "RC TEXT", with "unterminated" when no end of a string was written */
static int call_text(const char *size)
{
	char out[64];
	size_t len = strtoul(size, NULL, 10);
	int rc;

	if (len > sizeof(out))
		return 2;
	memset(out, '#', sizeof(out));
#if V1
	rc = uk_store_get_ncharp(entry, out, len);
#else
	rc = _uk_store_get_ncharp(entry, out, len);
#endif
	say_rc(rc);
	if (rc >= 0)
		printf(" %.*s%s", (int)len, out,
		       memchr(out, '\0', len) ? "" : " unterminated");
	printf("\n");
	return 0;
}

#if V1

static int call_static(const char *name)
{
	entry = uk_store_get_entry(libvectors, NULL, name);
	printf(entry ? "entry\n" : "NULL\n");
	return 0;
}

static ukm_key key_of(const char *name)
{
	return name;
}

static int call_dynamic(const char *word __unused, char *rest __unused)
{
	return 2;
}

static int call_ukm_dynamic(const char *word __unused, char *rest __unused)
{
	return 2;
}

#else /* !V1 */

static struct {
	const char *name;
	struct uk_store_entry entry;
} known[] = {
#define X(t) { #t, { .get.t = get_##t, .id = ID_##t, .name = "\"" #t "\"", \
		     .type = UK_STORE_ENTRY_TYPE(t) } },
	NUMERIC(X)
	X(charp)
#undef X
	{ "failing", { .get.u64 = get_failing, .id = ID_failing,
		       .name = "\"failing\"",
		       .type = UK_STORE_ENTRY_TYPE(u64) } },
	{ "deaf", { .id = ID_deaf, .name = "\"deaf\"",
		    .type = UK_STORE_ENTRY_TYPE(u64) } },
	{ "nothing", { .id = ID_nothing } },
	{ "nothing_even", { .id = ID_nothing_even } },
};

static struct uk_store_object *object;
static int nr_created, nr_released;

static int created(void *data __unused)
{
	nr_created++;
	return UK_EVENT_NOT_HANDLED;
}
UK_EVENT_HANDLER(UKSTORE_EVENT_CREATE_OBJECT, created);

static int released(void *data __unused)
{
	nr_released++;
	return UK_EVENT_NOT_HANDLED;
}
UK_EVENT_HANDLER(UKSTORE_EVENT_RELEASE_OBJECT, released);

static struct uk_store_entry *find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].name, name))
			return &known[i].entry;
	printf("unknown name: ");
	exit(2);
}

static ukm_key key_of(const char *name)
{
	return find(name)->id;
}

static int call_static(const char *name)
{
	entry = uk_store_static_entry_get(library, find(name)->id);
	printf(entry ? "entry\n" : "NULL\n");
	return 0;
}

static ANYWHERE int call_entry(const char *name)
{
	__u64 id = find(name)->id;

	entry = uk_store_obj_entry_get(object, id);
	if (!entry)
		printf("NULL\n");
	else
		printf(entry->id == id && !entry->flags ? "entry\n" : "another\n");
	return 0;
}

static ANYWHERE int call_acquire(const char *id)
{
	__u64 wanted = strtoull(id, NULL, 10);

	object = uk_store_obj_acquire(library, wanted);
	if (!object)
		printf("NULL\n");
	else
		printf(object->id == wanted ? "object\n" : "another\n");
	return 0;
}

/* object ID ENTRY... */
static int call_object(char *rest)
{
	const struct uk_store_entry *entries[ARRAY_SIZE(known) + 1] = { NULL };
	char *name, *id = strtok(rest, " ");
	struct uk_store_object *added;
	char called[32];
	size_t n = 0;

	while ((name = strtok(NULL, " ")) && n < ARRAY_SIZE(known))
		entries[n++] = find(name);
	snprintf(called, sizeof(called), "thing %s", id);
	added = uk_store_obj_alloc(uk_alloc_get_default(),
				   strtoull(id, NULL, 10), called, entries,
				   NULL);
	if (PTRISERR(added))
		return 2;
	say_rc(uk_store_obj_add(added));
	printf("\n");
	return 0;
}

static int call_dynamic(const char *word, char *rest)
{
	if (!strcmp(word, "library")) {
		library = uk_libid(rest);
		printf(library == UKLIBID_NONE ? "none\n" : "found\n");
	} else if (!strcmp(word, "object")) {
		return call_object(rest);
	} else if (!strcmp(word, "acquire")) {
		return call_acquire(rest);
	} else if (!strcmp(word, "entry")) {
		return call_entry(rest);
	} else if (!strcmp(word, "release")) {
		uk_store_obj_release(object);
		printf("done\n");
	} else if (!strcmp(word, "events")) {
		printf("created %d released %d\n", nr_created, nr_released);
	} else {
		return 2;
	}
	return 0;
}

static int call_ukm_objects(void)
{
	struct uk_store_object *found;
	size_t index = 0;
	int nr = 0;

	while ((found = ukm_object(library, &index))) {
		object = found;
		printf(nr++ ? ", %s" : "%s", found->name);
	}
	printf(nr ? "\n" : "none\n");
	return 0;
}

static int call_ukm_dynamic(const char *word, char *rest)
{
	if (!strcmp(word, "library")) {
		library = ukm_libid(rest);
		printf(library == UKLIBID_NONE ? "none\n" : "found\n");
		return 0;
	}
	if (!strcmp(word, "objects"))
		return call_ukm_objects();
	return 2;
}

#endif /* !V1 */

static enum uk_store_entry_type type_of(const char *name)
{
#define X(t)								\
	if (!strcmp(name, #t))						\
		return UK_STORE_ENTRY_TYPE(t);
	NUMERIC(X)
	X(charp)
#undef X
	return 0;
}

static int call_ukm_value(void)
{
	double value = 0.5;
	int rc = ukm_entry_read(entry, &value);

	say_rc(rc);
	if (rc < 0 && value == 0.5)
		printf(" untouched\n");
	else
		printf(" %.17g\n", value);
	return 0;
}

/* ukm WORD [NAME TYPE] */
static int call_ukm(char *rest)
{
	char *word = strtok(rest, " ");
	char *name = strtok(NULL, " ");
	char *type = strtok(NULL, " ");
	const char *text;

	if (!strcmp(word, "value"))
		return call_ukm_value();
	if (!strcmp(word, "label")) {
		text = ukm_entry_text(entry);
		printf("%s\n", text ? text : "NULL");
		return 0;
	}
	if (!type)
		return call_ukm_dynamic(word, name);

	if (!strcmp(word, "static"))
		entry = ukm_static_entry(library, key_of(name), type_of(type));
#if !V1
	else if (!strcmp(word, "entry"))
		entry = ukm_object_entry(object, key_of(name), type_of(type));
#endif
	else
		return 2;
	printf(entry ? "entry\n" : "NULL\n");
	return 0;
}

static int call(char *word)
{
	char *rest = strchr(word, ' ');

	if (rest)
		*rest++ = '\0';
	else
		rest = word + strlen(word);

	if (!strcmp(word, "holds")) {
		held = rest;
		printf("done\n");
	} else if (!strcmp(word, "static")) {
		return call_static(rest);
	} else if (!strcmp(word, "read")) {
		return call_read(rest);
	} else if (!strcmp(word, "string")) {
		return call_string();
	} else if (!strcmp(word, "text")) {
		return call_text(rest);
	} else if (!strcmp(word, "name")) {
		printf("%s\n", entry->name);
	} else if (!strcmp(word, "ukm")) {
		return call_ukm(rest);
	} else {
		return call_dynamic(word, rest);
	}
	return 0;
}

int vectors(int argc, char *argv[])
{
	int i;

#if V1
	library = ukm_libid(UKM_LIBRARY(libvectors));
#else
	library = uk_libid_self();
	nr_created = nr_released = 0;
#endif
	for (i = 1; i < argc; i++) {
		if (call(argv[i])) {
			printf("unknown call\n");
			return 2;
		}
		fflush(stdout);
	}
	return 0;
}
