/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_MUTEX_H__
#define __UK_MUTEX_H__

#include <uk/config.h>

#if CONFIG_LIBUKLOCK_MUTEX
#include <pthread.h>
#include <string.h>
#include <uk/assert.h>
#include <uk/essentials.h>

#define UK_MUTEX_CONFIG_RECURSE 0x01

struct uk_mutex {
	pthread_mutex_t lock;
	unsigned int flags;
	/* Of the owner only */
	int lock_count;
	pthread_t owner;
	/* Read by everybody: whether owner means something */
	int owned;
};

#define UK_MUTEX_INITIALIZER(name) \
	{ PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, 0 }
#define UK_MUTEX_INITIALIZER_RECURSIVE(name) \
	{ PTHREAD_MUTEX_INITIALIZER, UK_MUTEX_CONFIG_RECURSE, 0, 0, 0 }

struct uk_mutex_metrics {
	size_t active_locked;
	size_t active_unlocked;
	size_t total_locks;
	size_t total_ok_trylocks;
	size_t total_failed_trylocks;
	size_t total_unlocks;
};

void uk_mutex_init_config(struct uk_mutex *m, unsigned int flags);
#define uk_mutex_init(m) uk_mutex_init_config(m, 0)

void uk_mutex_lock(struct uk_mutex *m);
int uk_mutex_trylock(struct uk_mutex *m);
int uk_mutex_is_locked(struct uk_mutex *m);
void uk_mutex_unlock(struct uk_mutex *m);

#if CONFIG_LIBUKLOCK_MUTEX_METRICS
void uk_mutex_get_metrics(struct uk_mutex_metrics *dst);
#endif

#endif /* CONFIG_LIBUKLOCK_MUTEX */

#endif /* __UK_MUTEX_H__ */
