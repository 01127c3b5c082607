/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lwip's figures, from the host's network stack: /proc/net/snmp, sockstat and
 * arp, read again every quarter of a second, as nobody asks before reading
 * lwip's variables.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/init.h>

/* As a library sees it that wants lwip to count */
#define MIB2_STATS 1
#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>
#include <lwip/udp.h>
#include <uk/netdev.h>
#include <uk/sched.h>

#define SOCKETS_MAX	1024
#define NETIFS_MAX	64
#define SLEEP_NS	250000000

struct stats_ lwip_stats;
struct netif *netif_list;
struct udp_pcb *udp_pcbs;
struct tcp_pcb *tcp_active_pcbs, *tcp_tw_pcbs;
union tcp_listen_pcbs_t tcp_listen_pcbs;

int twin_netif_is_link_up(const struct netif *netif)
{
	return uk_netdev_state_get(netif->state) == UK_NETDEV_RUNNING;
}

/* The host's neighbours are not told apart by device here: all of them are
 * those of the last one
 */
static size_t nr_neighbours;

int etharp_get_entry(size_t i, ip4_addr_t **ipaddr, struct netif **netif,
		     struct eth_addr **eth_ret)
{
	static struct eth_addr hardware;
	static ip4_addr_t address;

	if (i >= nr_neighbours)
		return 0;

	*ipaddr = &address;
	*eth_ret = &hardware;
	*netif = netif_list;
	return 1;
}

static void count_neighbours(void)
{
	size_t nr = 0;
	char line[256];
	FILE *f = fopen("/proc/net/arp", "re");

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		nr++;
	fclose(f);
	nr_neighbours = nr ? nr - 1 : 0;
}

/* Two lines of /proc/net/snmp: the names, then the values */
static void take_counters(const char *protocol, char *names, char *values)
{
	struct stats_mib2 *m = &lwip_stats.mib2;
	const struct {
		const char *protocol, *name;
		__u32 *counter;
	} counters[] = {
		{ "Icmp:", "InMsgs", &m->icmpinmsgs },
		{ "Icmp:", "InErrors", &m->icmpinerrors },
		{ "Icmp:", "OutMsgs", &m->icmpoutmsgs },
		{ "Tcp:", "ActiveOpens", &m->tcpactiveopens },
		{ "Tcp:", "PassiveOpens", &m->tcppassiveopens },
		{ "Tcp:", "InSegs", &m->tcpinsegs },
		{ "Tcp:", "InErrs", &m->tcpinerrs },
		{ "Tcp:", "OutSegs", &m->tcpoutsegs },
		{ "Tcp:", "OutRsts", &m->tcpoutrsts },
		{ "Tcp:", "RetransSegs", &m->tcpretranssegs },
		{ "Udp:", "InDatagrams", &m->udpindatagrams },
		{ "Udp:", "NoPorts", &m->udpnoports },
		{ "Udp:", "InErrors", &m->udpinerrors },
		{ "Udp:", "OutDatagrams", &m->udpoutdatagrams },
	};
	char *name, *value, *name_rest, *value_rest;
	unsigned long long number;
	size_t i;

	name = strtok_r(names, " \n", &name_rest);
	value = strtok_r(values, " \n", &value_rest);
	while (name && value) {
		for (i = 0; i < ARRAY_SIZE(counters); i++)
			if (!strcmp(counters[i].protocol, protocol) &&
			    !strcmp(counters[i].name, name) &&
			    sscanf(value, "%llu", &number) == 1)
				*counters[i].counter = (__u32)number;
		name = strtok_r(NULL, " \n", &name_rest);
		value = strtok_r(NULL, " \n", &value_rest);
	}
}

static void read_counters(void)
{
	char names[1024], values[1024], protocol[16];
	FILE *f = fopen("/proc/net/snmp", "re");

	if (!f)
		return;
	while (fgets(names, sizeof(names), f) &&
	       fgets(values, sizeof(values), f))
		if (sscanf(names, "%15s", protocol) == 1)
			take_counters(protocol, names, values);
	fclose(f);
}

/* Lists of which only the length matters: each is a part of a longer one that
 * never changes, so that it can be walked while it gets another length
 */
static struct tcp_pcb active[SOCKETS_MAX], waiting[SOCKETS_MAX];
static struct tcp_pcb_listen listening[1];
static struct udp_pcb datagram[SOCKETS_MAX];

#define LIST_OF(nodes, nr)						\
	((nr) ? &(nodes)[SOCKETS_MAX - MIN((nr), SOCKETS_MAX)] : NULL)

static void count_sockets(void)
{
	int inuse, orphan, waits, nr;
	FILE *f = fopen("/proc/net/sockstat", "re");
	char line[256];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "TCP: inuse %d orphan %d tw %d", &inuse,
			   &orphan, &waits) == 3) {
			tcp_active_pcbs = LIST_OF(active, inuse);
			tcp_tw_pcbs = LIST_OF(waiting, waits);
		} else if (sscanf(line, "UDP: inuse %d", &nr) == 1) {
			udp_pcbs = LIST_OF(datagram, nr);
		}
	}
	fclose(f);
}

static void refresh(void)
{
	read_counters();
	count_sockets();
	count_neighbours();
}

static void __noreturn worker(void *arg __unused)
{
	for (;;) {
		uk_sched_thread_sleep(SLEEP_NS);
		refresh();
	}
}

static int lwip_init(struct uk_init_ctx *ctx __unused)
{
	static struct netif netifs[NETIFS_MAX];
	unsigned int i;

	for (i = 0; i + 1 < SOCKETS_MAX; i++) {
		active[i].next = &active[i + 1];
		waiting[i].next = &waiting[i + 1];
		datagram[i].next = &datagram[i + 1];
	}
	for (i = 0; i < SOCKETS_MAX; i++)
		active[i].state = ESTABLISHED;
	tcp_listen_pcbs.listen_pcbs = listening;

	for (i = 0; i < uk_netdev_count() && i < NETIFS_MAX; i++) {
		netifs[i].state = uk_netdev_get(i);
		netifs[i].next = netif_list;
		netif_list = &netifs[i];
	}

	refresh();
	uk_sched_thread_create(uk_sched_current(), worker, NULL, "twin-lwip");
	return 0;
}
/* After the devices */
uk_lib_initcall_prio(lwip_init, 0x0, UK_PRIO_LATEST);
