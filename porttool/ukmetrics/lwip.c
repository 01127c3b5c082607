/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lwip's protocol counters, those of SNMP's MIB-2, and its sockets. Makefile.uk
 * makes lwip count them. The lists are walked without lwip's lock: its thread
 * does not run meanwhile, as the scheduler is cooperative.
 */
#include <lwip/ip.h>
#include <lwip/opt.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>
#include <lwip/udp.h>
#include <uk/essentials.h>
#include <ukm_store.h>

#include "release.h"

#define COUNTER(id, name, field)					\
	static int get_##name(void *cookie __unused, __u64 *out)	\
	{								\
		*out = lwip_stats.field;				\
		return 0;						\
	}								\
	UKM_STATIC_ENTRY(id, name, u64, get_##name)

/* RFC 1213: 1 forwarding, 2 not forwarding */
static int get_ip_forwarding(void *cookie __unused, __u64 *out)
{
	*out = IP_FORWARD ? 1 : 2;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_IP_FORWARDING, ip_forwarding, u64,
		 get_ip_forwarding);

#if LWIP_ICMP
COUNTER(UKM_STORE_ICMP_IN_MSGS, icmp_in_msgs, mib2.icmpinmsgs);
COUNTER(UKM_STORE_ICMP_IN_ERRORS, icmp_in_errors, mib2.icmpinerrors);
COUNTER(UKM_STORE_ICMP_OUT_MSGS, icmp_out_msgs, mib2.icmpoutmsgs);
#endif

#if LWIP_UDP
COUNTER(UKM_STORE_UDP_IN_DATAGRAMS, udp_in_datagrams, mib2.udpindatagrams);
COUNTER(UKM_STORE_UDP_IN_ERRORS, udp_in_errors, mib2.udpinerrors);
COUNTER(UKM_STORE_UDP_NO_PORTS, udp_no_ports, mib2.udpnoports);
COUNTER(UKM_STORE_UDP_OUT_DATAGRAMS, udp_out_datagrams, mib2.udpoutdatagrams);

static int get_udp_inuse(void *cookie __unused, __u64 *out)
{
	const struct udp_pcb *pcb;

	*out = 0;
	for (pcb = udp_pcbs; pcb; pcb = pcb->next)
		(*out)++;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_UDP_INUSE, udp_inuse, u64, get_udp_inuse);
#endif

#if LWIP_TCP
COUNTER(UKM_STORE_TCP_ACTIVE_OPENS, tcp_active_opens, mib2.tcpactiveopens);
COUNTER(UKM_STORE_TCP_PASSIVE_OPENS, tcp_passive_opens, mib2.tcppassiveopens);
COUNTER(UKM_STORE_TCP_IN_SEGS, tcp_in_segs, mib2.tcpinsegs);
COUNTER(UKM_STORE_TCP_IN_ERRS, tcp_in_errs, mib2.tcpinerrs);
COUNTER(UKM_STORE_TCP_OUT_SEGS, tcp_out_segs, mib2.tcpoutsegs);
COUNTER(UKM_STORE_TCP_OUT_RSTS, tcp_out_rsts, mib2.tcpoutrsts);
COUNTER(UKM_STORE_TCP_RETRANS_SEGS, tcp_retrans_segs, mib2.tcpretranssegs);

static int get_tcp_curr_estab(void *cookie __unused, __u64 *out)
{
	const struct tcp_pcb *pcb;

	*out = 0;
	for (pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		if (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT)
			(*out)++;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_TCP_CURR_ESTAB, tcp_curr_estab, u64,
		 get_tcp_curr_estab);

/* As Linux has it: what waits after its end is not in use */
static int get_tcp_inuse(void *cookie __unused, __u64 *out)
{
	const struct tcp_pcb_listen *listening;
	const struct tcp_pcb *pcb;

	*out = 0;
	for (pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		(*out)++;
	for (listening = tcp_listen_pcbs.listen_pcbs; listening;
	     listening = listening->next)
		(*out)++;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_TCP_INUSE, tcp_inuse, u64, get_tcp_inuse);

static int get_tcp_tw(void *cookie __unused, __u64 *out)
{
	const struct tcp_pcb *pcb;

	*out = 0;
	for (pcb = tcp_tw_pcbs; pcb; pcb = pcb->next)
		(*out)++;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_TCP_TW, tcp_tw, u64, get_tcp_tw);
#endif

/* What lwip threw away and what it had no memory for, by protocol */
COUNTER(UKM_STORE_LINK_DROPS, link_drops, link.drop);
COUNTER(UKM_STORE_LINK_NO_MEMORY, link_no_memory, link.memerr);
COUNTER(UKM_STORE_ARP_DROPS, arp_drops, etharp.drop);
COUNTER(UKM_STORE_ARP_NO_MEMORY, arp_no_memory, etharp.memerr);
COUNTER(UKM_STORE_IP_DROPS, ip_drops, ip.drop);
COUNTER(UKM_STORE_IP_NO_MEMORY, ip_no_memory, ip.memerr);
#if LWIP_ICMP
COUNTER(UKM_STORE_ICMP_DROPS, icmp_drops, icmp.drop);
COUNTER(UKM_STORE_ICMP_NO_MEMORY, icmp_no_memory, icmp.memerr);
#endif
#if LWIP_UDP
COUNTER(UKM_STORE_UDP_DROPS, udp_drops, udp.drop);
COUNTER(UKM_STORE_UDP_NO_MEMORY, udp_no_memory, udp.memerr);
#endif
#if LWIP_TCP
COUNTER(UKM_STORE_TCP_DROPS, tcp_drops, tcp.drop);
COUNTER(UKM_STORE_TCP_NO_MEMORY, tcp_no_memory, tcp.memerr);
#endif
