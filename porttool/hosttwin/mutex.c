/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uk_mutex over pthreads, with the figures of uklock and their oddities:
 * nested locks are not counted but nested unlocks are, and a mutex with a
 * static initialiser is missing from `unlocked`, which then wraps around.
 */
#include <pthread.h>
#include <uk/config.h>
#include <uk/mutex.h>

static struct uk_mutex_metrics metrics;
static pthread_mutex_t metrics_lock = PTHREAD_MUTEX_INITIALIZER;

static void count(size_t *counter, int locked)
{
	pthread_mutex_lock(&metrics_lock);
	metrics.active_locked += (size_t)locked;
	metrics.active_unlocked -= (size_t)locked;
	(*counter)++;
	pthread_mutex_unlock(&metrics_lock);
}

static int is_mine(const struct uk_mutex *m)
{
	return __atomic_load_n(&m->owned, __ATOMIC_ACQUIRE) &&
	       pthread_equal(m->owner, pthread_self());
}

static void take(struct uk_mutex *m)
{
	m->owner = pthread_self();
	m->lock_count = 1;
	__atomic_store_n(&m->owned, 1, __ATOMIC_RELEASE);
}

void uk_mutex_init_config(struct uk_mutex *m, unsigned int flags)
{
	*m = (struct uk_mutex)UK_MUTEX_INITIALIZER(*m);
	m->flags = flags;

	pthread_mutex_lock(&metrics_lock);
	metrics.active_unlocked++;
	pthread_mutex_unlock(&metrics_lock);
}

void uk_mutex_lock(struct uk_mutex *m)
{
	if (is_mine(m)) {
		UK_ASSERT(m->flags & UK_MUTEX_CONFIG_RECURSE);
		m->lock_count++;
		return;
	}

	pthread_mutex_lock(&m->lock);
	take(m);
	count(&metrics.total_locks, 1);
}

int uk_mutex_trylock(struct uk_mutex *m)
{
	if (is_mine(m)) {
		UK_ASSERT(m->flags & UK_MUTEX_CONFIG_RECURSE);
		m->lock_count++;
		count(&metrics.total_ok_trylocks, 0);
		return 1;
	}

	if (pthread_mutex_trylock(&m->lock)) {
		count(&metrics.total_failed_trylocks, 0);
		return 0;
	}
	take(m);
	count(&metrics.total_ok_trylocks, 1);
	return 1;
}

int uk_mutex_is_locked(struct uk_mutex *m)
{
	return __atomic_load_n(&m->owned, __ATOMIC_ACQUIRE);
}

void uk_mutex_unlock(struct uk_mutex *m)
{
	int last;

	UK_ASSERT(is_mine(m));

	last = --m->lock_count == 0;
	count(&metrics.total_unlocks, -last);
	if (last) {
		__atomic_store_n(&m->owned, 0, __ATOMIC_RELEASE);
		pthread_mutex_unlock(&m->lock);
	}
}

#if CONFIG_LIBUKLOCK_MUTEX_METRICS
void uk_mutex_get_metrics(struct uk_mutex_metrics *dst)
{
	pthread_mutex_lock(&metrics_lock);
	*dst = metrics;
	pthread_mutex_unlock(&metrics_lock);
}
#endif
