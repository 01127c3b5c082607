/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LWIP_HDR_UDP_H
#define LWIP_HDR_UDP_H

struct udp_pcb {
	struct udp_pcb *next;
};

extern struct udp_pcb *udp_pcbs;

#endif /* LWIP_HDR_UDP_H */
