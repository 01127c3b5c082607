/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LWIP_HDR_NETIF_ETHARP_H
#define LWIP_HDR_NETIF_ETHARP_H

#include <stddef.h>
#include <lwip/ip.h>
#include <lwip/netif.h>

struct eth_addr {
	unsigned char addr[6];
};

/** @return 1 when there is a neighbour at that place of the table */
int etharp_get_entry(size_t i, ip4_addr_t **ipaddr, struct netif **netif,
		     struct eth_addr **eth_ret);

#endif /* LWIP_HDR_NETIF_ETHARP_H */
