/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "expo.h"

/* Above it a double no longer holds every integer. */
#define EXACT_MAX 9007199254740992.0

void expo_init(struct expo *e, struct buf *out)
{
	*e = (struct expo){ .out = out };
}

static void put_escaped(struct buf *out, const char *s, bool quotes)
{
	for (; *s; s++) {
		if (*s == '\n') {
			buf_puts(out, "\\n");
			continue;
		}
		if (*s == '\\' || (*s == '"' && quotes))
			buf_putc(out, '\\');
		buf_putc(out, *s);
	}
}

static void put_value(struct buf *out, double value)
{
	char text[32];

	if (isnan(value)) {
		buf_puts(out, "NaN");
	} else if (isinf(value)) {
		buf_puts(out, value > 0 ? "+Inf" : "-Inf");
	} else if (fabs(value) < EXACT_MAX && value == (double)(int64_t)value) {
		buf_printf(out, "%" PRId64, (int64_t)value);
	} else {
		/* The fewest digits that read back as the same number. */
		for (int digits = 15; digits <= 17; digits++) {
			snprintf(text, sizeof(text), "%.*g", digits, value);
			if (strtod(text, NULL) == value)
				break;
		}
		buf_puts(out, text);
	}
}

void expo_family(struct expo *e, const struct family *family)
{
	e->family = family;
	e->announced = false;
	e->labelled = false;
}

static void announce(struct expo *e)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
	};
	const struct family *f = e->family;

	if (e->announced)
		return;
	e->announced = true;
	buf_printf(e->out, "# HELP %s ", f->name);
	put_escaped(e->out, f->help, false);
	buf_printf(e->out, "\n# TYPE %s %s\n", f->name, types[f->type]);
}

void expo_label(struct expo *e, const char *name, const char *value)
{
	announce(e);
	if (!e->labelled)
		buf_puts(e->out, e->family->name);
	buf_putc(e->out, e->labelled ? ',' : '{');
	buf_puts(e->out, name);
	buf_puts(e->out, "=\"");
	put_escaped(e->out, value, true);
	buf_putc(e->out, '"');
	e->labelled = true;
}

void expo_sample(struct expo *e, double value)
{
	announce(e);
	buf_puts(e->out, e->labelled ? "}" : e->family->name);
	buf_putc(e->out, ' ');
	put_value(e->out, value);
	buf_putc(e->out, '\n');
	e->labelled = false;
}

void expo_single(struct expo *e, const struct family *family, double value)
{
	expo_family(e, family);
	expo_sample(e, value);
}
