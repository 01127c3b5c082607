/* SPDX-License-Identifier: BSD-3-Clause */
/* The metric table (metric_table.c, generated) as collect.c reads it. */
#ifndef __UKM_TABLE_H__
#define __UKM_TABLE_H__

#include <stdbool.h>
#include <uk/arch/types.h>
#include <uk/store.h>
#include <ukm.h>

/* Labels that one row can have besides the constant ones */
#define UKM_ROW_LABELS_MAX 4

struct ukm_row {
	const struct ukm_family *family;
	/* As uk_libid() knows it, so with the prefix "lib". Rows of one
	 * library share the pointer.
	 */
	const char *library;
	/* Id of the ukstore entry */
	__u64 entry;
	enum uk_store_entry_type type;
	/* Label that takes the name of the object; NULL for a static entry */
	const char *object_label;
	const struct ukm_label *labels;
	size_t nr_labels;
	/* A bit of enum ukm_collector; 0 for a row that is always on */
	__u32 collector;
	/* The entry reads 0 as long as there is nothing to tell */
	bool zero_is_unknown;
	/* From the unit of the entry to that of the family */
	double scale;
};

/* Sorted so that rows of one family are neighbours; family == NULL ends it */
extern const struct ukm_row ukm_rows[];

/* Every label name that a row uses; NULL ends it */
extern const char *const ukm_row_label_names[];

#endif /* __UKM_TABLE_H__ */
