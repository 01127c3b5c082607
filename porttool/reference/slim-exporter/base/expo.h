/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXPO_H
#define EXPO_H

#include <stdbool.h>

#include "buf.h"

/*
 * Writes the Prometheus text exposition format, version 0.0.4.
 *
 *	expo_family(e, &family);
 *	expo_label(e, "cpu", "0");
 *	expo_sample(e, 12.5);
 *
 * HELP and TYPE are written with the first sample of a family, so that a
 * family without samples leaves no trace.  The samples of a family must be
 * written one after the other.
 */
enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct family {
	const char *name;
	const char *help;
	enum metric_type type;
};

struct expo {
	struct buf *out;
	const struct family *family;
	bool announced;
	bool labelled;
};

void expo_init(struct expo *e, struct buf *out);

/* '*family' must stay as it is until its last sample is written. */
void expo_family(struct expo *e, const struct family *family);
void expo_label(struct expo *e, const char *name, const char *value);
/* Ends the sample to which the labels before it belong. */
void expo_sample(struct expo *e, double value);

/* A family of one sample without labels. */
void expo_single(struct expo *e, const struct family *family, double value);

#endif
