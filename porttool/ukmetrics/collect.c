/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks the metric table and hands out what can be read. */
#include <uk/config.h>
#include <uk/store.h>
#include <ukm.h>

#include "latency.h"
#include "store.h"
#include "table.h"

struct collection {
	const struct ukm_config *config;
	ukm_emit_fn *emit;
	void *arg;
};

/* Where the entries of a row are: in an object, or static ones of a library */
struct source {
	__u16 libid;
#if !UKM_STORE_V1
	struct uk_store_object *obj;
#endif
};

static const struct uk_store_entry *find_entry(const struct source *source,
					       ukm_key key,
					       enum uk_store_entry_type type)
{
#if !UKM_STORE_V1
	if (source->obj)
		return ukm_object_entry(source->obj, key, type);
#endif
	return ukm_static_entry(source->libid, key, type);
}

static bool read_value(const struct ukm_row *row, const struct source *source,
		       double *value)
{
	const struct uk_store_entry *entry;

	if (row->info) {
		*value = 1;
		return true;
	}

	entry = find_entry(source, row->entry, row->type);
	if (!entry || ukm_entry_read(entry, value) < 0)
		return false;
	if (row->zero_is_unknown && *value == 0)
		return false;

	*value *= row->scale;
	return true;
}

static bool read_text(const struct ukm_text *text, const struct source *source,
		      struct ukm_label *label)
{
	const struct uk_store_entry *entry;

	entry = find_entry(source, text->entry, UK_STORE_ENTRY_TYPE(charp));
	if (!entry)
		return false;

	label->name = text->label;
	label->value = ukm_entry_text(entry);
	return label->value;
}

static int emit_row(const struct collection *c, const struct ukm_row *row,
		    const struct source *source, const char *object)
{
	struct ukm_label labels[1 + UKM_ROW_LABELS_MAX + UKM_ROW_TEXTS_MAX +
				CONFIG_LIBUKMETRICS_MAX_LABELS];
	struct ukm_sample sample = {
		.family = row->family,
		.labels = labels,
	};
	size_t i;

	if (!read_value(row, source, &sample.value))
		return 0;

	if (object)
		labels[sample.nr_labels++] = (struct ukm_label){
			.name = row->object_label, .value = object
		};
	for (i = 0; i < row->nr_labels; i++)
		labels[sample.nr_labels++] = row->labels[i];
	for (i = 0; i < row->nr_texts; i++)
		if (!read_text(&row->texts[i], source,
			       &labels[sample.nr_labels++]))
			return 0;
	for (i = 0; i < c->config->nr_labels; i++)
		labels[sample.nr_labels++] = c->config->labels[i];

	return c->emit(&sample, c->arg);
}

#if UKM_STORE_V1
static int emit_objects(const struct collection *c __unused,
			const struct ukm_row *row __unused,
			struct source *source __unused)
{
	return 0;
}
#else
static int emit_objects(const struct collection *c, const struct ukm_row *row,
			struct source *source)
{
	size_t index = 0;
	int rc;

	while ((source->obj = ukm_object(source->libid, &index))) {
		rc = emit_row(c, row, source, source->obj->name);
		if (rc)
			return rc;
	}

	return 0;
}
#endif

int ukm_collect(ukm_emit_fn *emit, void *arg)
{
	const struct collection c = {
		.config = ukm_config_get(), .emit = emit, .arg = arg
	};
	struct source source = { 0 };
	const struct ukm_row *row;
	int rc;

	ukm_latency_measure();

	for (row = ukm_rows; row->family; row++) {
		if (row->collector && !(c.config->collectors & row->collector))
			continue;

		/* Neighbours mostly belong to the same library */
		if (row == ukm_rows || row->library != row[-1].library)
			source.libid = ukm_libid(row->library);

		if (row->object_label)
			rc = emit_objects(&c, row, &source);
		else
			rc = emit_row(&c, row, &source, NULL);
		if (rc)
			return rc;
	}

	return 0;
}
