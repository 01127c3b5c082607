/* SPDX-License-Identifier: BSD-3-Clause */
/* ukstore of Unikraft 0.13: static entries, by name. */
#include <stddef.h>

#include "store.h"

__u16 ukm_libid(ukm_library library)
{
	return library;
}

const struct uk_store_entry *ukm_static_entry(__u16 libid, ukm_key key,
					      enum uk_store_entry_type type)
{
	const struct uk_store_entry *entry;

	entry = _uk_store_get_static_entry(libid, key);
	if (!entry || entry->type != type)
		return NULL;

	return entry;
}
