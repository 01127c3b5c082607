/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_NETDEV_H__
#define __UK_NETDEV_H__

#include <uk/arch/types.h>

#define UK_NETDEV_HWADDR_LEN 6

struct uk_netdev;

struct uk_hwaddr {
	__u8 addr_bytes[UK_NETDEV_HWADDR_LEN];
};

enum uk_netdev_state {
	UK_NETDEV_INVALID = 0,
	UK_NETDEV_UNPROBED,
	UK_NETDEV_UNCONFIGURED,
	UK_NETDEV_CONFIGURED,
	UK_NETDEV_RUNNING
};

unsigned int uk_netdev_count(void);
struct uk_netdev *uk_netdev_get(unsigned int id);
__u16 uk_netdev_id_get(struct uk_netdev *dev);
enum uk_netdev_state uk_netdev_state_get(struct uk_netdev *dev);
__u16 uk_netdev_mtu_get(struct uk_netdev *dev);

/** @return NULL for a device that has none, such as the loop interface */
const struct uk_hwaddr *uk_netdev_hwaddr_get(struct uk_netdev *dev);

#endif /* __UK_NETDEV_H__ */
