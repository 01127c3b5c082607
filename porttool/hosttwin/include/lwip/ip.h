/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LWIP_HDR_IP_H
#define LWIP_HDR_IP_H

#include <lwip/opt.h>

typedef struct ip4_addr {
	unsigned int addr;
} ip4_addr_t;

#endif /* LWIP_HDR_IP_H */
