/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <time.h>

#include "collector.h"

static int update(struct expo *out, struct buf *scratch)
{
	static const struct family seconds = {
		"node_time_seconds",
		"System time in seconds since the epoch (1970).",
		METRIC_GAUGE,
	};
	struct timespec now;

	(void)scratch;
	if (clock_gettime(CLOCK_REALTIME, &now))
		return -errno;
	expo_single(out, &seconds,
		    (double)now.tv_sec + (double)now.tv_nsec * 1e-9);
	return 0;
}

const struct collector time_collector = {
	.name = "time",
	.update = update,
};
