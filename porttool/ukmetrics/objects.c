/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ukstore cannot list its objects, and asking for one that does not exist
 * increments a counter in somebody else's memory. So the only objects that
 * are ever asked for are those whose creation was announced.
 */
#include <stdbool.h>
#include <string.h>
#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/event.h>
#include <uk/store.h>
#include <ukm_store.h>

#include "label.h"
#include "store.h"
#include "table.h"

enum slot_state {
	/* Announced, not yet asked for */
	SLOT_NEW,
	/* slot->obj can be read */
	SLOT_HELD,
	/* Not to be read: released by its owner, or not usable as a label */
	SLOT_DEAD
};

struct slot {
	__u64 id;
	__u16 libid;
	/* Whether a row of the table wants objects of that library */
	enum { ROWS_NOT_ASKED, ROWS_NONE, ROWS_SOME } rows;
	int state;
	struct uk_store_object *obj;
};

/* Slots are only added. Whoever sees the count sees the slots below it: the
 * announcement may come from another thread than the collection.
 */
static struct slot slots[CONFIG_LIBUKMETRICS_MAX_OBJECTS];
static size_t nr_slots;
static __u64 nr_dropped;

static struct slot *slot_find(const struct uk_store_event_data *event)
{
	size_t nr = __atomic_load_n(&nr_slots, __ATOMIC_ACQUIRE);
	size_t i;

	for (i = 0; i < nr; i++)
		if (slots[i].libid == event->library_id &&
		    slots[i].id == event->object_id)
			return &slots[i];

	return NULL;
}

/* Runs inside uk_store_obj_add(), which may be as early as the network
 * drivers: no stdio, no allocation, and nothing is asked of ukstore.
 */
static int object_created(void *data)
{
	const struct uk_store_event_data *event = data;
	struct slot *slot = slot_find(event);
	size_t nr = __atomic_load_n(&nr_slots, __ATOMIC_RELAXED);

	if (slot) {
		__atomic_store_n(&slot->state, SLOT_NEW, __ATOMIC_RELEASE);
		return UK_EVENT_NOT_HANDLED;
	}

	if (nr == ARRAY_SIZE(slots)) {
		__atomic_fetch_add(&nr_dropped, 1, __ATOMIC_RELAXED);
		return UK_EVENT_NOT_HANDLED;
	}

	slots[nr].libid = event->library_id;
	slots[nr].id = event->object_id;
	slots[nr].state = SLOT_NEW;
	__atomic_store_n(&nr_slots, nr + 1, __ATOMIC_RELEASE);

	return UK_EVENT_NOT_HANDLED;
}
UK_EVENT_HANDLER(UKSTORE_EVENT_CREATE_OBJECT, object_created);

static int object_released(void *data)
{
	struct slot *slot = slot_find(data);

	if (slot)
		__atomic_store_n(&slot->state, SLOT_DEAD, __ATOMIC_RELEASE);

	return UK_EVENT_NOT_HANDLED;
}
UK_EVENT_HANDLER(UKSTORE_EVENT_RELEASE_OBJECT, object_released);

/* Two objects of one name would be the same sample twice, at which Prometheus
 * refuses the whole scrape.
 */
static bool name_is_taken(const struct slot *self)
{
	size_t i;

	for (i = 0; &slots[i] != self; i++)
		if (slots[i].libid == self->libid &&
		    slots[i].state == SLOT_HELD &&
		    !strcmp(slots[i].obj->name, self->obj->name))
			return true;

	return false;
}

/* The reference is kept for ever. Given back, it could be the last one, and
 * ukstore crashes when it frees an object; kept, it can not be.
 */
static int slot_acquire(struct slot *slot)
{
	struct uk_store_object *obj;
	int state = SLOT_NEW;
	int next = SLOT_DEAD;

	obj = uk_store_obj_acquire(slot->libid, slot->id);
	if (obj && obj->id == slot->id && obj->libid == slot->libid) {
		slot->obj = obj;
		if (ukm_label_value_ok(obj->name) && !name_is_taken(slot))
			next = SLOT_HELD;
	}

	/* Released while it was being acquired: that stands */
	if (!__atomic_compare_exchange_n(&slot->state, &state, next, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return state;

	return next;
}

struct uk_store_object *ukm_object(__u16 libid, size_t *index)
{
	size_t nr = __atomic_load_n(&nr_slots, __ATOMIC_ACQUIRE);
	struct slot *slot;
	int state;

	while (*index < nr) {
		slot = &slots[(*index)++];
		if (slot->libid != libid)
			continue;

		state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
		if (state == SLOT_NEW)
			state = slot_acquire(slot);
		if (state == SLOT_HELD)
			return slot->obj;
	}

	return NULL;
}

static int get_dropped_objects(void *cookie __unused, __u64 *out)
{
	*out = __atomic_load_n(&nr_dropped, __ATOMIC_RELAXED);
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_DROPPED_OBJECTS, dropped_objects, u64,
		 get_dropped_objects);

static bool table_has(__u16 libid)
{
	const struct ukm_row *row;

	for (row = ukm_rows; row->family; row++)
		if (row->object_label && ukm_libid(row->library) == libid)
			return true;

	return false;
}

static int get_unknown_objects(void *cookie __unused, __u64 *out)
{
	size_t nr = __atomic_load_n(&nr_slots, __ATOMIC_ACQUIRE);
	size_t i;

	*out = 0;
	for (i = 0; i < nr; i++) {
		if (slots[i].rows == ROWS_NOT_ASKED)
			slots[i].rows = table_has(slots[i].libid) ? ROWS_SOME :
								    ROWS_NONE;
		if (slots[i].rows == ROWS_NONE)
			(*out)++;
	}

	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_UNKNOWN_OBJECTS, unknown_objects, u64,
		 get_unknown_objects);
