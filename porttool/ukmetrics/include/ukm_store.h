/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ukstore entries that lib-ukmetrics itself adds, under the library name
 * libukmetrics: figures that Unikraft has but does not put into ukstore. Any
 * other consumer may read them too. Times are in nanoseconds.
 */
#ifndef __UKM_STORE_H__
#define __UKM_STORE_H__

/** Objects that did not fit into the table of known objects (u64) */
#define UKM_STORE_DROPPED_OBJECTS	0x01

/** Objects of libraries of which the metric table has no row (u64) */
#define UKM_STORE_UNKNOWN_OBJECTS	0x02

/** uk_mutex objects, of those set up at run time (u64) */
#define UKM_STORE_MUTEX_LOCKED		0x10
#define UKM_STORE_MUTEX_UNLOCKED	0x11

/** Operations on any uk_mutex since boot (u64) */
#define UKM_STORE_MUTEX_LOCKS		0x12
#define UKM_STORE_MUTEX_UNLOCKS		0x13
#define UKM_STORE_MUTEX_TRYLOCKS_OK	0x14
#define UKM_STORE_MUTEX_TRYLOCKS_FAILED	0x15

/** Time since boot that the processor had something to do, and had not (u64) */
#define UKM_STORE_CPU_BUSY		0x20
#define UKM_STORE_CPU_IDLE		0x21

/** Threads of the scheduler, its idle thread left out (u64) */
#define UKM_STORE_THREADS_RUNNABLE	0x22
#define UKM_STORE_THREADS_BLOCKED	0x23
#define UKM_STORE_THREADS_EXITED	0x24

/** How long a yield took at the latest collection, and at the worst (u64) */
#define UKM_STORE_SCHED_LATENCY		0x25
#define UKM_STORE_SCHED_LATENCY_MAX	0x26

/** Bytes that the allocators manage, free or not (u64) */
#define UKM_STORE_MEM_TOTAL		0x30

/** Descriptors in use, and how many there can be (u64) */
#define UKM_STORE_FILES_OPEN		0x38
#define UKM_STORE_FILES_MAX		0x39

/** lwip: counters of MIB-2 (u64), and what is in use now */
#define UKM_STORE_IP_FORWARDING		0x40
#define UKM_STORE_ICMP_IN_MSGS		0x41
#define UKM_STORE_ICMP_IN_ERRORS	0x42
#define UKM_STORE_ICMP_OUT_MSGS		0x43
#define UKM_STORE_UDP_IN_DATAGRAMS	0x44
#define UKM_STORE_UDP_IN_ERRORS		0x45
#define UKM_STORE_UDP_NO_PORTS		0x46
#define UKM_STORE_UDP_OUT_DATAGRAMS	0x47
#define UKM_STORE_UDP_INUSE		0x48
#define UKM_STORE_TCP_ACTIVE_OPENS	0x49
#define UKM_STORE_TCP_PASSIVE_OPENS	0x4a
#define UKM_STORE_TCP_IN_SEGS		0x4b
#define UKM_STORE_TCP_IN_ERRS		0x4c
#define UKM_STORE_TCP_OUT_SEGS		0x4d
#define UKM_STORE_TCP_OUT_RSTS		0x4e
#define UKM_STORE_TCP_RETRANS_SEGS	0x4f
#define UKM_STORE_TCP_CURR_ESTAB	0x50
#define UKM_STORE_TCP_INUSE		0x51
#define UKM_STORE_TCP_TW		0x52

/** lwip: packets thrown away, and those that found no memory (u64) */
#define UKM_STORE_LINK_DROPS		0x60
#define UKM_STORE_LINK_NO_MEMORY	0x61
#define UKM_STORE_ARP_DROPS		0x62
#define UKM_STORE_ARP_NO_MEMORY		0x63
#define UKM_STORE_IP_DROPS		0x64
#define UKM_STORE_IP_NO_MEMORY		0x65
#define UKM_STORE_ICMP_DROPS		0x66
#define UKM_STORE_ICMP_NO_MEMORY	0x67
#define UKM_STORE_UDP_DROPS		0x68
#define UKM_STORE_UDP_NO_MEMORY		0x69
#define UKM_STORE_TCP_DROPS		0x6a
#define UKM_STORE_TCP_NO_MEMORY		0x6b

/** Time since boot, and of the boot since 1970 (u64) */
#define UKM_STORE_UPTIME		0x70
#define UKM_STORE_BOOT_TIME		0x71

/** Texts that stay the same (charp, for the reader to free) */
#define UKM_STORE_UNAME_SYSNAME		0x78
#define UKM_STORE_UNAME_NODENAME	0x79
#define UKM_STORE_UNAME_RELEASE		0x7a
#define UKM_STORE_UNAME_VERSION		0x7b
#define UKM_STORE_UNAME_MACHINE		0x7c
#define UKM_STORE_BUILD_UNIKRAFT	0x7d
#define UKM_STORE_BUILD_APPLICATION	0x7e
#define UKM_STORE_BUILD_COMPILER	0x7f

/*
 * Objects. The id of one is its kind, shifted left by 16, and a number. Each
 * entry belongs to objects of one kind.
 */

/** One an allocator, numbered in the order of uk_alloc_foreach() */
#define UKM_OBJECT_ALLOC		0x1
#define UKM_STORE_ALLOC_FREE		0x100	/* u64, bytes */
#define UKM_STORE_ALLOC_LARGEST		0x101	/* u64, bytes in one piece */
#define UKM_STORE_ALLOC_USED		0x102	/* s64, bytes */
#define UKM_STORE_ALLOC_ALLOCS		0x103	/* u64 */
#define UKM_STORE_ALLOC_FREES		0x104	/* u64 */
#define UKM_STORE_ALLOC_FAILURES	0x105	/* u64 */

/** One a library, named like it; negative when another one frees for it */
#define UKM_OBJECT_LIBRARY		0x2
#define UKM_STORE_LIBRARY_USED		0x110	/* s64, bytes */
#define UKM_STORE_LIBRARY_ALLOCS	0x111	/* u64 */
#define UKM_STORE_LIBRARY_FREES		0x112	/* u64 */
#define UKM_STORE_LIBRARY_FAILURES	0x113	/* u64 */

/** One a network device, named like the one of uknetdev */
#define UKM_OBJECT_NETDEV		0x3
#define UKM_STORE_NETDEV_UP		0x120	/* u8: 0 or 1 */
#define UKM_STORE_NETDEV_MTU		0x121	/* u16, bytes */
#define UKM_STORE_NETDEV_ADDRESS	0x122	/* charp, stays the same */
#define UKM_STORE_NETDEV_CARRIER	0x123	/* u8: 0 or 1 */
#define UKM_STORE_NETDEV_ARP_ENTRIES	0x124	/* u64 */

/** One a path of ukmetrics.mounts, named like it */
#define UKM_OBJECT_MOUNT		0x4
#define UKM_STORE_MOUNT_SIZE		0x130	/* u64, bytes */
#define UKM_STORE_MOUNT_FREE		0x131	/* u64, bytes */
#define UKM_STORE_MOUNT_AVAIL		0x132	/* u64, bytes */
#define UKM_STORE_MOUNT_FILES		0x133	/* u64 */
#define UKM_STORE_MOUNT_FILES_FREE	0x134	/* u64 */

#endif /* __UKM_STORE_H__ */
