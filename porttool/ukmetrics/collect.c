/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks the metric table and hands out what can be read. */
#include <uk/config.h>
#include <uk/libid.h>
#include <uk/store.h>
#include <ukm.h>

#include "store.h"
#include "table.h"

struct collection {
	const struct ukm_config *config;
	ukm_emit_fn *emit;
	void *arg;
};

static int emit_value(const struct collection *c, const struct ukm_row *row,
		      const struct uk_store_entry *entry, const char *object)
{
	struct ukm_label labels[UKM_ROW_LABELS_MAX + 1 +
				CONFIG_LIBUKMETRICS_MAX_LABELS];
	struct ukm_sample sample = {
		.family = row->family,
		.labels = labels,
	};
	size_t i;

	if (!entry || ukm_entry_read(entry, &sample.value) < 0)
		return 0;
	if (row->zero_is_unknown && sample.value == 0)
		return 0;
	sample.value *= row->scale;

	if (object)
		labels[sample.nr_labels++] = (struct ukm_label){
			.name = row->object_label, .value = object
		};
	for (i = 0; i < row->nr_labels; i++)
		labels[sample.nr_labels++] = row->labels[i];
	for (i = 0; i < c->config->nr_labels; i++)
		labels[sample.nr_labels++] = c->config->labels[i];

	return c->emit(&sample, c->arg);
}

static int emit_objects(const struct collection *c, const struct ukm_row *row,
			__u16 libid)
{
	const struct uk_store_entry *entry;
	struct uk_store_object *obj;
	size_t index = 0;
	int rc;

	while ((obj = ukm_object(libid, &index))) {
		entry = ukm_object_entry(obj, row->entry, row->type);
		rc = emit_value(c, row, entry, obj->name);
		if (rc)
			return rc;
	}

	return 0;
}

int ukm_collect(ukm_emit_fn *emit, void *arg)
{
	const struct collection c = {
		.config = ukm_config_get(), .emit = emit, .arg = arg
	};
	const struct uk_store_entry *entry;
	const struct ukm_row *row;
	const char *library = NULL;
	__u16 libid = UKLIBID_NONE;
	int rc;

	for (row = ukm_rows; row->family; row++) {
		if (row->collector && !(c.config->collectors & row->collector))
			continue;

		/* Neighbours mostly belong to the same library */
		if (row->library != library) {
			library = row->library;
			libid = uk_libid(library);
		}

		if (row->object_label) {
			rc = emit_objects(&c, row, libid);
		} else {
			entry = ukm_static_entry(libid, row->entry, row->type);
			rc = emit_value(&c, row, entry, NULL);
		}
		if (rc)
			return rc;
	}

	return 0;
}
