/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "collector.h"
#include "sysfile.h"
#include "text.h"

/* Fields of /proc/self/stat, numbered as in proc(5). */
enum {
	STATE = 3,
	USER_TICKS = 14,
	SYSTEM_TICKS = 15,
	START_TICKS = 22,
	VIRTUAL_BYTES = 23,
	RESIDENT_PAGES = 24,
	NR_FIELDS,
};

/* Fields before STATE, which are not numbers, are not filled in. */
static int read_stat(struct buf *text, uint64_t fields[NR_FIELDS])
{
	char *cursor, *word;
	int err;

	err = procfs_read(text, "self/stat");
	if (err)
		return err;
	/* The name of the program may hold anything, so look from behind. */
	cursor = strrchr(text->data, ')');
	if (!cursor)
		return -EPROTO;
	cursor++;
	for (int i = STATE; i < NR_FIELDS; i++) {
		word = text_word(&cursor);
		if (!word)
			return -EPROTO;
		/* Some are negative; none of those that we show is. */
		if (!text_u64(word, &fields[i]))
			fields[i] = 0;
	}
	return 0;
}

/* When the machine was started, in seconds since the epoch. */
static bool read_boot_time(struct buf *text, uint64_t *seconds)
{
	char *cursor, *line;
	const char *word;

	if (procfs_read(text, "stat"))
		return false;
	cursor = text->data;
	while ((line = text_line(&cursor))) {
		word = text_word(&line);
		if (word && !strcmp(word, "btime"))
			return text_next_u64(&line, seconds);
	}
	return false;
}

/* The soft limit of a line in /proc/self/limits; false if unlimited. */
static bool read_limit(struct buf *text, const char *name, uint64_t *limit)
{
	size_t len = strlen(name);
	char *cursor, *line;

	if (procfs_read(text, "self/limits"))
		return false;
	cursor = text->data;
	while ((line = text_line(&cursor))) {
		if (strncmp(line, name, len))
			continue;
		line += len;
		return text_next_u64(&line, limit);
	}
	return false;
}

static int count(const char *name, void *arg)
{
	(void)name;
	(*(unsigned *)arg)++;
	return 0;
}

static int update(struct expo *out, struct buf *scratch)
{
	static const struct family cpu = {
		"process_cpu_seconds_total",
		"Time that the exporter itself used, user and system.",
		METRIC_COUNTER,
	};
	static const struct family max_fds = {
		"process_max_fds",
		"Most file descriptors that the exporter may open.",
		METRIC_GAUGE,
	};
	static const struct family open_fds = {
		"process_open_fds",
		"File descriptors that the exporter has open.",
		METRIC_GAUGE,
	};
	static const struct family resident = {
		"process_resident_memory_bytes",
		"Memory of the exporter that is in RAM.",
		METRIC_GAUGE,
	};
	static const struct family started = {
		"process_start_time_seconds",
		"When the exporter was started, since the epoch (1970).",
		METRIC_GAUGE,
	};
	static const struct family virtual = {
		"process_virtual_memory_bytes",
		"Virtual memory of the exporter.",
		METRIC_GAUGE,
	};
	long hertz = sysconf(_SC_CLK_TCK);
	long page = sysconf(_SC_PAGESIZE);
	uint64_t fields[NR_FIELDS];
	uint64_t value;
	unsigned fds = 0;
	int err;

	if (hertz <= 0 || page <= 0)
		return -EINVAL;
	err = read_stat(scratch, fields);
	if (err)
		return err;
	expo_single(out, &cpu, (double)(fields[USER_TICKS] +
					fields[SYSTEM_TICKS]) / (double)hertz);
	if (read_limit(scratch, "Max open files", &value))
		expo_single(out, &max_fds, (double)value);
	if (!procfs_list("self/fd", count, &fds))
		expo_single(out, &open_fds, fds);
	expo_single(out, &resident,
		    (double)fields[RESIDENT_PAGES] * (double)page);
	if (read_boot_time(scratch, &value))
		expo_single(out, &started, (double)value +
			    (double)fields[START_TICKS] / (double)hertz);
	expo_single(out, &virtual, (double)fields[VIRTUAL_BYTES]);
	return 0;
}

const struct collector process_collector = {
	.name = "process",
	.update = update,
};
