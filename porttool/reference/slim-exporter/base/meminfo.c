/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector.h"
#include "sysfile.h"
#include "text.h"

/* "Active(anon)" becomes "Active_anon"; other odd characters become '_'. */
static void clean(char *name)
{
	size_t len = strlen(name);

	if (len && name[len - 1] == ')')
		name[--len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') ||
		      (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9')))
			name[i] = '_';
}

static void put(struct expo *out, char *field, uint64_t value, bool kib)
{
	char name[96], help[96];
	struct family family = { name, help, METRIC_GAUGE };

	snprintf(help, sizeof(help), "Field %s of /proc/meminfo.", field);
	clean(field);
	snprintf(name, sizeof(name), "node_memory_%s%s", field,
		 kib ? "_bytes" : "");
	expo_single(out, &family, (double)value * (kib ? 1024 : 1));
}

static int update(struct expo *out, struct buf *scratch)
{
	char *cursor, *line;
	int err;

	err = procfs_read(scratch, "meminfo");
	if (err)
		return err;
	cursor = scratch->data;
	while ((line = text_line(&cursor))) {
		char *colon = strchr(line, ':');
		const char *unit;
		uint64_t value;

		if (!colon || colon - line > 64)
			return -EPROTO;
		*colon++ = '\0';
		if (!text_next_u64(&colon, &value))
			return -EPROTO;
		unit = text_word(&colon);
		/* Better left out than in a unit that we do not know. */
		if (unit && strcmp(unit, "kB"))
			continue;
		put(out, line, value, unit);
	}
	return 0;
}

const struct collector meminfo_collector = {
	.name = "meminfo",
	.update = update,
};
