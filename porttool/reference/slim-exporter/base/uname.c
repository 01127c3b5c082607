/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/utsname.h>

#include "collector.h"

static int update(struct expo *out, struct buf *scratch)
{
	static const struct family info = {
		"node_uname_info",
		"Always 1; the labels are what uname(2) says.",
		METRIC_GAUGE,
	};
	struct utsname u;

	(void)scratch;
	if (uname(&u))
		return -errno;
	expo_family(out, &info);
	expo_label(out, "sysname", u.sysname);
	expo_label(out, "release", u.release);
	expo_label(out, "version", u.version);
	expo_label(out, "machine", u.machine);
	expo_label(out, "nodename", u.nodename);
	expo_label(out, "domainname", u.domainname);
	expo_sample(out, 1);
	return 0;
}

const struct collector uname_collector = {
	.name = "uname",
	.update = update,
};
