/* SPDX-License-Identifier: BSD-3-Clause */
/* What lwip is configured to in the twin. */
#ifndef LWIP_HDR_OPT_H
#define LWIP_HDR_OPT_H

#define LWIP_ICMP	1
#define LWIP_UDP	1
#define LWIP_TCP	1
#define IP_FORWARD	0
#define ARP_TABLE_SIZE	10

#ifndef MIB2_STATS
#define MIB2_STATS	0
#endif

#endif /* LWIP_HDR_OPT_H */
