/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <uk/libid.h>
#include <uk/store.h>

#include "store.h"

const struct uk_store_entry *ukm_static_entry(__u16 libid, __u64 id,
					      enum uk_store_entry_type type)
{
	const struct uk_store_entry *entry;

	/* ukstore uses the library id as an index and does not check it */
	if (libid == UKLIBID_NONE)
		return NULL;

	entry = uk_store_static_entry_get(libid, id);
	if (!entry || entry->type != type)
		return NULL;

	return entry;
}

const struct uk_store_entry *ukm_object_entry(struct uk_store_object *obj,
					      __u64 id,
					      enum uk_store_entry_type type)
{
	const struct uk_store_entry *entry = uk_store_obj_entry_get(obj, id);

	/* For an id that the object does not have, ukstore returns the head
	 * of its list as if it were an entry. The memory there can hold any
	 * id by chance; its flags are then half a pointer, never 0.
	 */
	if (!entry || entry->id != id || entry->flags || entry->type != type)
		return NULL;

	return entry;
}

int ukm_entry_read(const struct uk_store_entry *entry, double *value)
{
	__u64 u;
	__s64 s;
	int rc;

	switch (entry->type) {
	case UK_STORE_ENTRY_TYPE(u8):
	case UK_STORE_ENTRY_TYPE(u16):
	case UK_STORE_ENTRY_TYPE(u32):
	case UK_STORE_ENTRY_TYPE(u64):
		rc = uk_store_get_value(entry, u64, &u);
		if (rc < 0)
			return rc;
		*value = (double)u;
		return 0;

	/* As u64, a negative figure would be -ERANGE */
	case UK_STORE_ENTRY_TYPE(s8):
	case UK_STORE_ENTRY_TYPE(s16):
	case UK_STORE_ENTRY_TYPE(s32):
	case UK_STORE_ENTRY_TYPE(s64):
		rc = uk_store_get_value(entry, s64, &s);
		if (rc < 0)
			return rc;
		*value = (double)s;
		return 0;

	/* A string that is no number reads as success with nothing written,
	 * and an address is not a figure.
	 */
	default:
		return -EINVAL;
	}
}
