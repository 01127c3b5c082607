/* SPDX-License-Identifier: BSD-3-Clause */
/* ukstore of Unikraft 0.14 and later: entries by number, and objects. */
#include "store.h"

__u16 ukm_libid(ukm_library library)
{
	return uk_libid(library);
}

const struct uk_store_entry *ukm_static_entry(__u16 libid, ukm_key key,
					      enum uk_store_entry_type type)
{
	const struct uk_store_entry *entry;

	/* ukstore uses the library id as an index and does not check it */
	if (libid == UKLIBID_NONE)
		return NULL;

	entry = uk_store_static_entry_get(libid, key);
	if (!entry || entry->type != type)
		return NULL;

	return entry;
}

const struct uk_store_entry *ukm_object_entry(struct uk_store_object *obj,
					      ukm_key key,
					      enum uk_store_entry_type type)
{
	const struct uk_store_entry *entry = uk_store_obj_entry_get(obj, key);

	/* For an id that the object does not have, ukstore returns the head
	 * of its list as if it were an entry. The memory there can hold any
	 * id by chance; its flags are then half a pointer, never 0.
	 */
	if (!entry || entry->id != key || entry->flags || entry->type != type)
		return NULL;

	return entry;
}
