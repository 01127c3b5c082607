/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "collector.h"
#include "sysfile.h"
#include "text.h"

static int update(struct expo *out, struct buf *scratch)
{
	static const struct family families[] = {
		{ "node_load1", "Load average over 1 minute.", METRIC_GAUGE },
		{ "node_load5", "Load average over 5 minutes.", METRIC_GAUGE },
		{ "node_load15", "Load average over 15 minutes.",
		  METRIC_GAUGE },
	};
	double load[3];
	char *cursor;
	int err;

	err = procfs_read(scratch, "loadavg");
	if (err)
		return err;
	cursor = scratch->data;
	for (int i = 0; i < 3; i++) {
		const char *word = text_word(&cursor);

		if (!word || !text_double(word, &load[i]))
			return -EPROTO;
	}
	for (int i = 0; i < 3; i++)
		expo_single(out, &families[i], load[i]);
	return 0;
}

const struct collector loadavg_collector = {
	.name = "loadavg",
	.update = update,
};
