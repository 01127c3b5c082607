/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "collector.h"
#include "sysfile.h"
#include "text.h"

struct attribute {
	struct family family;
	const char *file;
	double factor;
};

static const struct attribute attributes[] = {
	{ { "node_network_up",
	    "Whether the device is up.", METRIC_GAUGE },
	  "operstate", 0 },
	{ { "node_network_mtu_bytes",
	    "Largest packet that the device takes.", METRIC_GAUGE },
	  "mtu", 1 },
	/* The file counts in Mbit/s. */
	{ { "node_network_speed_bytes",
	    "Speed of the link in bytes per second.", METRIC_GAUGE },
	  "speed", 1e6 / 8 },
};

struct context {
	const struct attribute *attribute;
	struct expo *out;
	struct buf *text;
};

static int put_device(const char *device, void *arg)
{
	const struct context *c = arg;
	char path[PATH_MAX];
	char *cursor, *line;
	double value;
	uint64_t n;

	snprintf(path, sizeof(path), "class/net/%s/%s", device,
		 c->attribute->file);
	/* A device that has no speed refuses to be asked: not known. */
	if (sysfs_read(c->text, path))
		return 0;
	cursor = c->text->data;
	line = text_line(&cursor);
	if (!line)
		return 0;
	if (!c->attribute->factor)
		value = !strcmp(line, "up");
	/* An unknown speed is -1, or 2^32-1 from older drivers. */
	else if (text_u64(line, &n) && n != UINT32_MAX)
		value = (double)n * c->attribute->factor;
	else
		return 0;
	expo_label(c->out, "device", device);
	expo_sample(c->out, value);
	return 0;
}

static int update(struct expo *out, struct buf *scratch)
{
	struct context c = { .out = out, .text = scratch };
	int err = 0;

	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		c.attribute = &attributes[i];
		expo_family(out, &attributes[i].family);
		err = sysfs_list("class/net", put_device, &c);
		if (err)
			break;
	}
	return err;
}

const struct collector netclass_collector = {
	.name = "netclass",
	.update = update,
};
