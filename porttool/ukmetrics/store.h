/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading ukstore without falling into it: in v2, an unknown number may give a
 * pointer to anything.
 */
#ifndef __UKM_READER_H__
#define __UKM_READER_H__

#include <uk/arch/types.h>
#include <uk/store.h>

#include "release.h"

/**
 * @return the number of a library in this build, as the functions below take
 *   it; a library that is not there gives one that has no entries
 */
__u16 ukm_libid(ukm_library library);

/**
 * @return the static entry of that key and type; NULL if there is none
 */
const struct uk_store_entry *ukm_static_entry(__u16 libid, ukm_key key,
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
 * Reads an entry that is a text. ukstore allocates a text each time it is
 * read, so each entry is asked once: it must be one that never changes.
 *
 * @return NULL if there is none, it cannot be a label, or there is no room
 *   left to keep it (LIBUKMETRICS_MAX_TEXTS)
 */
const char *ukm_entry_text(const struct uk_store_entry *entry);

#if !UKM_STORE_V1
/**
 * @param obj an object that ukm_object() gave
 * @return the entry of that key and type; NULL if there is none
 */
const struct uk_store_entry *ukm_object_entry(struct uk_store_object *obj,
					      ukm_key key,
					      enum uk_store_entry_type type);

/**
 * Walks the objects that were announced so far.
 *
 * @param index in: where to look first; out: where to look next
 * @return the next object of the library; NULL at the end
 */
struct uk_store_object *ukm_object(__u16 libid, size_t *index);
#endif

#endif /* __UKM_READER_H__ */
