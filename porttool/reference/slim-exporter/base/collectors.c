/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "collector.h"
#include "collectors.h"
#include "log.h"
#include "version.h"

/* In the order of the output; the clock is read before what takes longer. */
static const struct collector *const table[] = {
	&time_collector,
	&cpu_collector,
	&filefd_collector,
	&filesystem_collector,
	&loadavg_collector,
	&meminfo_collector,
	&netclass_collector,
	&netdev_collector,
	&process_collector,
	&uname_collector,
};

#define NR_COLLECTORS (sizeof(table) / sizeof(*table))

static struct {
	bool off;
	bool started;
	double seconds;		/* of the last scrape, as is err */
	int err;
} state[NR_COLLECTORS];

static struct buf scratch;

const char *collectors_name(unsigned i)
{
	return i < NR_COLLECTORS ? table[i]->name : NULL;
}

static bool select_one(const char *name, size_t len, bool on)
{
	bool all = len == 3 && !memcmp(name, "all", 3);
	bool found = false;

	for (size_t i = 0; i < NR_COLLECTORS; i++) {
		if (!all && (strlen(table[i]->name) != len ||
			     memcmp(table[i]->name, name, len)))
			continue;
		state[i].off = !on;
		found = true;
	}
	return found;
}

bool collectors_select(const char *list, bool on, const char **unknown)
{
	for (;;) {
		size_t len = strcspn(list, ",");

		if (!select_one(list, len, on)) {
			*unknown = list;
			return false;
		}
		if (!list[len])
			return true;
		list += len + 1;
	}
}

int collectors_start(void)
{
	for (size_t i = 0; i < NR_COLLECTORS; i++) {
		int err = 0;

		if (state[i].off)
			continue;
		if (table[i]->start)
			err = table[i]->start();
		if (err) {
			log_error("collector %s: %s", table[i]->name,
				  strerror(-err));
			collectors_stop();
			return err;
		}
		state[i].started = true;
	}
	return 0;
}

void collectors_stop(void)
{
	for (size_t i = 0; i < NR_COLLECTORS; i++) {
		if (state[i].started && table[i]->stop)
			table[i]->stop();
		state[i].started = false;
	}
	buf_free(&scratch);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void run(size_t i, struct expo *out)
{
	double begin = now();
	size_t mark = out->out->len;
	int err;

	buf_reset(&scratch);
	err = table[i]->update(out, &scratch);
	/* Half a collector's output would look like the whole of it. */
	if (err)
		out->out->len = mark;
	/* Once, not at every scrape. */
	if (err && err != state[i].err)
		log_warn("collector %s: %s", table[i]->name, strerror(-err));
	state[i].err = err;
	state[i].seconds = now() - begin;
}

static void own_metrics(struct expo *out)
{
	static const struct family duration = {
		"node_scrape_collector_duration_seconds",
		"Time that a collector took for this scrape.",
		METRIC_GAUGE,
	};
	static const struct family success = {
		"node_scrape_collector_success",
		"Whether a collector succeeded in this scrape.",
		METRIC_GAUGE,
	};
	static const struct family build = {
		"slim_exporter_build_info",
		"Always 1; the labels say what is running.",
		METRIC_GAUGE,
	};

	expo_family(out, &duration);
	for (size_t i = 0; i < NR_COLLECTORS; i++) {
		if (!state[i].started)
			continue;
		expo_label(out, "collector", table[i]->name);
		expo_sample(out, state[i].seconds);
	}
	expo_family(out, &success);
	for (size_t i = 0; i < NR_COLLECTORS; i++) {
		if (!state[i].started)
			continue;
		expo_label(out, "collector", table[i]->name);
		expo_sample(out, !state[i].err);
	}
	expo_family(out, &build);
	expo_label(out, "version", SLIM_EXPORTER_VERSION);
	expo_label(out, "compiler", __VERSION__);
	expo_sample(out, 1);
}

void collectors_scrape(struct expo *out)
{
	for (size_t i = 0; i < NR_COLLECTORS; i++)
		if (state[i].started)
			run(i, out);
	own_metrics(out);
}
