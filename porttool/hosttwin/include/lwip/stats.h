/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LWIP_HDR_STATS_H
#define LWIP_HDR_STATS_H

#include <lwip/opt.h>
#include <uk/arch/types.h>

/* Of each protocol; here, always wide */
struct stats_proto {
	__u32 drop;
	__u32 memerr;
};

struct stats_mib2 {
	__u32 tcpactiveopens, tcppassiveopens, tcpinsegs, tcpinerrs, tcpoutsegs,
	      tcpoutrsts, tcpretranssegs;
	__u32 udpindatagrams, udpnoports, udpinerrors, udpoutdatagrams;
	__u32 icmpinmsgs, icmpinerrors, icmpoutmsgs;
};

struct stats_ {
	struct stats_proto link, etharp, ip, icmp, udp, tcp;
#if MIB2_STATS
	struct stats_mib2 mib2;
#endif
};

extern struct stats_ lwip_stats;

#endif /* LWIP_HDR_STATS_H */
