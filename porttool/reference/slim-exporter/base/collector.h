/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef COLLECTOR_H
#define COLLECTOR_H

#include "expo.h"

struct collector {
	const char *name;

	/*
	 * Called once before the first scrape and after the last; NULL when
	 * there is nothing to prepare.  'start' returns 0 or a negative errno.
	 */
	int (*start)(void);
	void (*stop)(void);

	/*
	 * Writes what it knows.  Returns 0 or a negative errno; after an error
	 * nothing that it wrote is kept.  'scratch' is for what it reads.
	 */
	int (*update)(struct expo *out, struct buf *scratch);
};

extern const struct collector cpu_collector;
extern const struct collector filefd_collector;
extern const struct collector filesystem_collector;
extern const struct collector loadavg_collector;
extern const struct collector meminfo_collector;
extern const struct collector netclass_collector;
extern const struct collector netdev_collector;
extern const struct collector process_collector;
extern const struct collector time_collector;
extern const struct collector uname_collector;

#endif
