/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __TOY_STORE_H__
#define __TOY_STORE_H__

#define TOY_REQUESTS	0x01

#endif /* __TOY_STORE_H__ */
