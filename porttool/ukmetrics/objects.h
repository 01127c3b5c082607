/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects that lib-ukmetrics itself puts into ukstore. */
#ifndef __UKM_OBJECTS_H__
#define __UKM_OBJECTS_H__

#include <uk/arch/types.h>
#include <uk/store.h>
#include <ukm_store.h>

/**
 * Adds an object, named by kind and number. What goes wrong is reported on the
 * console: the object is then missing.
 *
 * @param kind UKM_OBJECT_..., from ukm_store.h
 * @param name copied; the label of its samples, so unique within the library
 * @param entries NULL terminated, copied
 * @param cookie handed to the getters
 */
void ukm_object_add(__u32 kind, __u16 nr, const char *name,
		    const struct uk_store_entry *entries[], void *cookie);

#endif /* __UKM_OBJECTS_H__ */
