/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LWIP_HDR_NETIF_H
#define LWIP_HDR_NETIF_H

struct netif {
	struct netif *next;
	/* lib-lwip keeps the struct uk_netdev here */
	void *state;
};

extern struct netif *netif_list;
#define NETIF_FOREACH(netif)						\
	for ((netif) = netif_list; (netif); (netif) = (netif)->next)

int twin_netif_is_link_up(const struct netif *netif);
#define netif_is_link_up(netif) twin_netif_is_link_up(netif)

#endif /* LWIP_HDR_NETIF_H */
