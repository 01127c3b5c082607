/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading ukstore (v2: entries by number, Unikraft 0.14 and later) without
 * falling into it: an unknown number may give a pointer to anything.
 */
#ifndef __UKM_READER_H__
#define __UKM_READER_H__

#include <uk/arch/types.h>
#include <uk/store.h>

/**
 * @param libid as uk_libid() gave it, UKLIBID_NONE included
 * @return the static entry of that id and type; NULL if there is none
 */
const struct uk_store_entry *ukm_static_entry(__u16 libid, __u64 id,
					      enum uk_store_entry_type type);

/**
 * @param obj an object that ukm_object() gave
 * @return the entry of that id and type; NULL if there is none
 */
const struct uk_store_entry *ukm_object_entry(struct uk_store_object *obj,
					      __u64 id,
					      enum uk_store_entry_type type);

/**
 * Reads a numeric entry of any width and sign.
 *
 * @param[out] value untouched when the entry cannot be read
 * @return 0, or a negative errno: what the getter said, or -EINVAL for an
 *   entry that is not a number
 */
int ukm_entry_read(const struct uk_store_entry *entry, double *value);

/**
 * Walks the objects that were announced so far.
 *
 * @param libid as uk_libid() gave it, UKLIBID_NONE included
 * @param index in: where to look first; out: where to look next
 * @return the next object of the library; NULL at the end
 */
struct uk_store_object *ukm_object(__u16 libid, size_t *index);

#endif /* __UKM_READER_H__ */
