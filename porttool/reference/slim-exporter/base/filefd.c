/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "collector.h"
#include "sysfile.h"
#include "text.h"

static int update(struct expo *out, struct buf *scratch)
{
	static const struct family allocated = {
		"node_filefd_allocated",
		"Open file descriptions in the whole system.",
		METRIC_GAUGE,
	};
	static const struct family maximum = {
		"node_filefd_maximum",
		"Most file descriptions that may be open at once.",
		METRIC_GAUGE,
	};
	uint64_t open, unused, max;
	char *cursor, *line;
	int err;

	err = procfs_read(scratch, "sys/fs/file-nr");
	if (err)
		return err;
	cursor = scratch->data;
	line = text_line(&cursor);
	if (!line || !text_next_u64(&line, &open) ||
	    !text_next_u64(&line, &unused) || !text_next_u64(&line, &max))
		return -EPROTO;
	expo_single(out, &allocated, (double)open);
	expo_single(out, &maximum, (double)max);
	return 0;
}

const struct collector filefd_collector = {
	.name = "filefd",
	.update = update,
};
