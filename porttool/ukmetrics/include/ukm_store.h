/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ukstore entries that lib-ukmetrics itself adds, under the library name
 * libukmetrics: figures that Unikraft has but does not put into ukstore. Any
 * other consumer may read them too.
 */
#ifndef __UKM_STORE_H__
#define __UKM_STORE_H__

/** Objects that did not fit into the table of known objects (u64) */
#define UKM_STORE_DROPPED_OBJECTS	0x01

/** uk_mutex objects, of those set up at run time (u64) */
#define UKM_STORE_MUTEX_LOCKED		0x10
#define UKM_STORE_MUTEX_UNLOCKED	0x11

/** Operations on any uk_mutex since boot (u64) */
#define UKM_STORE_MUTEX_LOCKS		0x12
#define UKM_STORE_MUTEX_UNLOCKS		0x13
#define UKM_STORE_MUTEX_TRYLOCKS_OK	0x14
#define UKM_STORE_MUTEX_TRYLOCKS_FAILED	0x15

#endif /* __UKM_STORE_H__ */
