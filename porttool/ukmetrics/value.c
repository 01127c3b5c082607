/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <uk/config.h>
#include <uk/essentials.h>

#include "label.h"
#include "store.h"

/* Longest text of an entry that becomes a label, terminator included */
#define TEXT_LEN 65

struct text {
	const struct uk_store_entry *entry;
	char text[TEXT_LEN];
};

/* Only ukm_collect() reads texts, and one thread at a time calls that */
static struct text texts[CONFIG_LIBUKMETRICS_MAX_TEXTS];
static size_t nr_texts;

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

/* Not uk_store_get_value(): that crashes for a static entry. This one does not
 * terminate what it cuts off.
 */
static int entry_copy(const struct uk_store_entry *entry, char *out)
{
	memset(out, 0, TEXT_LEN);
#if UKM_STORE_V1
	return uk_store_get_ncharp(entry, out, TEXT_LEN - 1);
#else
	return _uk_store_get_ncharp(entry, out, TEXT_LEN - 1);
#endif
}

const char *ukm_entry_text(const struct uk_store_entry *entry)
{
	struct text *text;
	size_t i;

	for (i = 0; i < nr_texts; i++)
		if (texts[i].entry == entry)
			return texts[i].text;

	if (nr_texts == ARRAY_SIZE(texts))
		return NULL;

	text = &texts[nr_texts];
	if (entry_copy(entry, text->text) < 0 || !ukm_label_value_ok(text->text))
		return NULL;

	text->entry = entry;
	nr_texts++;
	return text->text;
}
