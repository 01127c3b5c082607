/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What uknetdev and lwip know about each network device besides what it
 * counts. The objects have the names of uknetdev's own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/netdev.h>
#include <ukm_store.h>
#if CONFIG_LIBLWIP
#include <lwip/etharp.h>
#include <lwip/netif.h>
#endif

#include "objects.h"
#include "release.h"

static int get_up(void *cookie, __u8 *out)
{
	*out = uk_netdev_state_get(cookie) == UK_NETDEV_RUNNING;
	return 0;
}

static int get_mtu(void *cookie, __u16 *out)
{
	*out = uk_netdev_mtu_get(cookie);
	return *out ? 0 : -ENODATA;
}

/* The caller frees it, which is what ukstore demands of a text */
static int get_address(void *cookie, char **out)
{
	const struct uk_hwaddr *address = uk_netdev_hwaddr_get(cookie);
	const __u8 *b;
	char text[18];

	if (!address)
		return -ENODATA;

	b = address->addr_bytes;
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5]);
	*out = strdup(text);
	return *out ? 0 : -ENOMEM;
}

#if CONFIG_LIBLWIP
/* lwip's interface for a device; lib-lwip keeps the device in `state` */
static struct netif *netif_of(const void *device)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
		if (netif->state == device)
			return netif;

	return NULL;
}

static int get_carrier(void *cookie, __u8 *out)
{
	const struct netif *netif = netif_of(cookie);

	if (!netif)
		return -ENODATA;

	*out = netif_is_link_up(netif) ? 1 : 0;
	return 0;
}

static int get_arp_entries(void *cookie, __u64 *out)
{
	const struct netif *netif = netif_of(cookie);
	struct eth_addr *hardware;
	struct netif *owner;
	ip4_addr_t *address;
	size_t i;

	if (!netif)
		return -ENODATA;

	*out = 0;
	for (i = 0; i < ARP_TABLE_SIZE; i++)
		if (etharp_get_entry(i, &address, &owner, &hardware) &&
		    owner == netif)
			(*out)++;
	return 0;
}
#endif /* CONFIG_LIBLWIP */

static const struct uk_store_entry *netdev_entries[] = {
	UK_STORE_ENTRY(UKM_STORE_NETDEV_UP, netdev_up, u8, get_up, NULL),
	UK_STORE_ENTRY(UKM_STORE_NETDEV_MTU, netdev_mtu, u16, get_mtu, NULL),
	UK_STORE_ENTRY(UKM_STORE_NETDEV_ADDRESS, netdev_address, charp,
		       get_address, NULL),
#if CONFIG_LIBLWIP
	UK_STORE_ENTRY(UKM_STORE_NETDEV_CARRIER, netdev_carrier, u8,
		       get_carrier, NULL),
	UK_STORE_ENTRY(UKM_STORE_NETDEV_ARP_ENTRIES, netdev_arp_entries, u64,
		       get_arp_entries, NULL),
#endif
	NULL
};

static int netdev_init(UKM_INIT_ARGS)
{
	struct uk_netdev *dev;
	unsigned int i;
	char name[16];

	for (i = 0; i < uk_netdev_count(); i++) {
		dev = uk_netdev_get(i);
		if (!dev)
			continue;
		snprintf(name, sizeof(name), "netdev%d", uk_netdev_id_get(dev));
		ukm_object_add(UKM_OBJECT_NETDEV, uk_netdev_id_get(dev), name,
			       netdev_entries, dev);
	}

	return 0;
}
ukm_sys_initcall(netdev_init);
