/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "collector.h"
#include "sysfile.h"
#include "text.h"

/* The columns of /proc/net/dev, in their order. */
static const struct family columns[] = {
	{ "node_network_receive_bytes_total",
	  "Bytes received.", METRIC_COUNTER },
	{ "node_network_receive_packets_total",
	  "Packets received.", METRIC_COUNTER },
	{ "node_network_receive_errs_total",
	  "Receive errors.", METRIC_COUNTER },
	{ "node_network_receive_drop_total",
	  "Received packets that were dropped.", METRIC_COUNTER },
	{ "node_network_receive_fifo_total",
	  "Receive FIFO overruns.", METRIC_COUNTER },
	{ "node_network_receive_frame_total",
	  "Framing errors on receive.", METRIC_COUNTER },
	{ "node_network_receive_compressed_total",
	  "Compressed packets received.", METRIC_COUNTER },
	{ "node_network_receive_multicast_total",
	  "Multicast packets received.", METRIC_COUNTER },
	{ "node_network_transmit_bytes_total",
	  "Bytes sent.", METRIC_COUNTER },
	{ "node_network_transmit_packets_total",
	  "Packets sent.", METRIC_COUNTER },
	{ "node_network_transmit_errs_total",
	  "Transmit errors.", METRIC_COUNTER },
	{ "node_network_transmit_drop_total",
	  "Packets to be sent that were dropped.", METRIC_COUNTER },
	{ "node_network_transmit_fifo_total",
	  "Transmit FIFO overruns.", METRIC_COUNTER },
	{ "node_network_transmit_colls_total",
	  "Collisions on transmit.", METRIC_COUNTER },
	{ "node_network_transmit_carrier_total",
	  "Losses of carrier on transmit.", METRIC_COUNTER },
	{ "node_network_transmit_compressed_total",
	  "Compressed packets sent.", METRIC_COUNTER },
};

#define NR_COLUMNS (sizeof(columns) / sizeof(*columns))
#define DEVICES_MAX 256

/*
 * The file has a line per device, the output a family per column, so the
 * figures are turned round here.  Static: too large for a thread's stack.
 */
static struct {
	const char *name;
	uint64_t value[NR_COLUMNS];
} devices[DEVICES_MAX];

static int parse(char *cursor)
{
	char *line, *colon;
	int nr = 0;

	while ((line = text_line(&cursor)) && nr < DEVICES_MAX) {
		/* The two lines of the heading have none; aliases have two. */
		colon = strrchr(line, ':');
		if (!colon)
			continue;
		*colon++ = '\0';
		devices[nr].name = line + strspn(line, " ");
		for (size_t i = 0; i < NR_COLUMNS; i++)
			if (!text_next_u64(&colon, &devices[nr].value[i]))
				return -EPROTO;
		nr++;
	}
	return nr;
}

static int update(struct expo *out, struct buf *scratch)
{
	int err, nr;

	err = procfs_read(scratch, "net/dev");
	if (err)
		return err;
	nr = parse(scratch->data);
	if (nr < 0)
		return nr;
	for (size_t i = 0; i < NR_COLUMNS; i++) {
		expo_family(out, &columns[i]);
		for (int d = 0; d < nr; d++) {
			expo_label(out, "device", devices[d].name);
			expo_sample(out, (double)devices[d].value[i]);
		}
	}
	return 0;
}

const struct collector netdev_collector = {
	.name = "netdev",
	.update = update,
};
