/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "collector.h"
#include "sysfile.h"
#include "text.h"

/* The order of the columns in /proc/stat. */
static const char *const modes[] = {
	"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
};
static const char *const guest_modes[] = { "user", "nice" };

#define NR_MODES (sizeof(modes) / sizeof(*modes))
#define NR_GUEST_MODES (sizeof(guest_modes) / sizeof(*guest_modes))

/* "cpu0 1 2 3": the number of the CPU, or NULL if it is another line. */
static const char *cpu_number(char **line)
{
	const char *name = text_word(line);
	uint64_t number;

	if (!name || strncmp(name, "cpu", 3) || !text_u64(name + 3, &number))
		return NULL;
	return name + 3;
}

static void put(struct expo *out, const char *cpu, const char *mode,
		uint64_t ticks, long hertz)
{
	expo_label(out, "cpu", cpu);
	expo_label(out, "mode", mode);
	expo_sample(out, (double)ticks / (double)hertz);
}

/*
 * Writes the columns from 'first' on.  Old kernels have fewer of them, and
 * what is not there is not known.
 */
static int put_columns(struct expo *out, struct buf *text, long hertz,
		       size_t first, const char *const *names, size_t nr)
{
	char *cursor, *line;
	int err;

	/* Lines are cut up in place, so each family needs its own text. */
	err = procfs_read(text, "stat");
	if (err)
		return err;
	cursor = text->data;
	while ((line = text_line(&cursor))) {
		const char *cpu = cpu_number(&line);
		uint64_t ticks;

		for (size_t i = 0; cpu && i < first + nr; i++) {
			if (!text_next_u64(&line, &ticks))
				break;
			if (i >= first)
				put(out, cpu, names[i - first], ticks, hertz);
		}
	}
	return 0;
}

static int update(struct expo *out, struct buf *scratch)
{
	static const struct family seconds = {
		"node_cpu_seconds_total",
		"Time that the CPUs spent in each mode.",
		METRIC_COUNTER,
	};
	static const struct family guest = {
		"node_cpu_guest_seconds_total",
		"Time that the CPUs spent running guests, by mode.",
		METRIC_COUNTER,
	};
	long hertz = sysconf(_SC_CLK_TCK);
	int err;

	if (hertz <= 0)
		return -EINVAL;
	expo_family(out, &guest);
	err = put_columns(out, scratch, hertz, NR_MODES, guest_modes,
			  NR_GUEST_MODES);
	if (err)
		return err;
	expo_family(out, &seconds);
	return put_columns(out, scratch, hertz, 0, modes, NR_MODES);
}

const struct collector cpu_collector = {
	.name = "cpu",
	.update = update,
};
