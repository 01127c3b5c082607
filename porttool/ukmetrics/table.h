/* SPDX-License-Identifier: BSD-3-Clause */
/* The metric table (metric_table.c, generated) as collect.c reads it. */
#ifndef __UKM_TABLE_H__
#define __UKM_TABLE_H__

#include <stdbool.h>
#include <uk/arch/types.h>
#include <uk/store.h>
#include <ukm.h>

#include "release.h"

/* Labels that one row can have besides that of the object and the constant
 * ones: fixed ones, and texts
 */
#define UKM_ROW_LABELS_MAX 4
#define UKM_ROW_TEXTS_MAX 6

/* A label whose value is an entry, of the row's library or object */
struct ukm_text {
	const char *label;
	ukm_key entry;
};

struct ukm_row {
	const struct ukm_family *family;
	ukm_library library;
	/* Has no entry of its own: the value is 1, the texts are the figure */
	bool info;
	ukm_key entry;
	enum uk_store_entry_type type;
	/* Label that takes the name of the object; NULL for a static entry */
	const char *object_label;
	const struct ukm_label *labels;
	size_t nr_labels;
	const struct ukm_text *texts;
	size_t nr_texts;
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
