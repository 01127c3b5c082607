/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uklock counts what happens to its mutexes and keeps it out of ukstore. These
 * entries put it there.
 */
#include <errno.h>
#include <uk/essentials.h>
#include <uk/mutex.h>
#include <uk/store.h>
#include <ukm_store.h>

#include "release.h"

/* A mutex with a static initialiser is not counted when it comes to be, yet
 * taken off `unlocked` while it is held. The difference is then below zero,
 * which in a size_t is a very large number: not known, for the moment.
 */
static int level(size_t count, __u64 *out)
{
	if ((__ssz)count < 0)
		return -ERANGE;

	*out = count;
	return 0;
}

static int get_locked(void *cookie __unused, __u64 *out)
{
	struct uk_mutex_metrics metrics;

	uk_mutex_get_metrics(&metrics);
	return level(metrics.active_locked, out);
}
UKM_STATIC_ENTRY(UKM_STORE_MUTEX_LOCKED, mutex_locked, u64,
		 get_locked);

static int get_unlocked(void *cookie __unused, __u64 *out)
{
	struct uk_mutex_metrics metrics;

	uk_mutex_get_metrics(&metrics);
	return level(metrics.active_unlocked, out);
}
UKM_STATIC_ENTRY(UKM_STORE_MUTEX_UNLOCKED, mutex_unlocked, u64,
		 get_unlocked);

static int get_locks(void *cookie __unused, __u64 *out)
{
	struct uk_mutex_metrics metrics;

	uk_mutex_get_metrics(&metrics);
	*out = metrics.total_locks;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_MUTEX_LOCKS, mutex_locks, u64,
		 get_locks);

static int get_unlocks(void *cookie __unused, __u64 *out)
{
	struct uk_mutex_metrics metrics;

	uk_mutex_get_metrics(&metrics);
	*out = metrics.total_unlocks;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_MUTEX_UNLOCKS, mutex_unlocks, u64,
		 get_unlocks);

static int get_trylocks_ok(void *cookie __unused, __u64 *out)
{
	struct uk_mutex_metrics metrics;

	uk_mutex_get_metrics(&metrics);
	*out = metrics.total_ok_trylocks;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_MUTEX_TRYLOCKS_OK, mutex_trylocks_ok, u64,
		 get_trylocks_ok);

static int get_trylocks_failed(void *cookie __unused, __u64 *out)
{
	struct uk_mutex_metrics metrics;

	uk_mutex_get_metrics(&metrics);
	*out = metrics.total_failed_trylocks;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_MUTEX_TRYLOCKS_FAILED, mutex_trylocks_failed, u64,
		 get_trylocks_failed);
