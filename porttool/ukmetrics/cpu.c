/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scheduler knows how long each of its threads ran, and forgets it when a
 * thread ends. So busy is not the sum over the threads, but the time that the
 * idle thread did not get. That thread is not running when these are called,
 * and its time is up to date.
 */
#include <errno.h>
#include <uk/essentials.h>
#include <uk/plat/time.h>
#include <uk/sched.h>
#include <ukm_store.h>

#include "latency.h"
#include "release.h"

struct census {
	__u64 runnable, blocked, exited;
};

static __nsec latency, latency_max;

static const struct uk_thread *idle_thread(void)
{
	struct uk_sched *sched = uk_sched_current();

	return sched ? uk_sched_idle_thread(sched, 0) : NULL;
}

static int get_cpu_idle(void *cookie __unused, __u64 *out)
{
	const struct uk_thread *idle = idle_thread();

	if (!idle)
		return -ENODATA;

	*out = idle->exec_time;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_CPU_IDLE, cpu_idle, u64, get_cpu_idle);

static int get_cpu_busy(void *cookie __unused, __u64 *out)
{
	const struct uk_thread *idle = idle_thread();

	if (!idle)
		return -ENODATA;

	*out = ukplat_monotonic_clock() - idle->exec_time;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_CPU_BUSY, cpu_busy, u64, get_cpu_busy);

/* Nobody else runs meanwhile, and interrupts do not touch the list. The idle
 * thread is none that somebody made.
 */
static int take_census(struct census *census)
{
	struct uk_sched *sched = uk_sched_current();
	const struct uk_thread *idle = idle_thread();
	struct uk_thread *thread;

	if (!sched)
		return -ENODATA;

	*census = (struct census){ 0 };
	uk_sched_foreach_thread(sched, thread) {
		if (thread == idle)
			continue;
		if (uk_thread_is_exited(thread))
			census->exited++;
		else if (uk_thread_is_runnable(thread))
			census->runnable++;
		else
			census->blocked++;
	}

	return 0;
}

#define THREADS(id, state)						\
	static int get_threads_##state(void *cookie __unused, __u64 *out)	\
	{								\
		struct census census;					\
		int rc = take_census(&census);				\
									\
		if (rc)							\
			return rc;					\
		*out = census.state;					\
		return 0;						\
	}								\
	UKM_STATIC_ENTRY(id, threads_##state, u64, get_threads_##state)

THREADS(UKM_STORE_THREADS_RUNNABLE, runnable);
THREADS(UKM_STORE_THREADS_BLOCKED, blocked);
THREADS(UKM_STORE_THREADS_EXITED, exited);

void ukm_latency_measure(void)
{
	__nsec before;

	if (!uk_sched_current())
		return;

	before = ukplat_monotonic_clock();
	uk_sched_yield();
	latency = ukplat_monotonic_clock() - before;
	if (latency > latency_max)
		latency_max = latency;
}

static int get_sched_latency(void *cookie __unused, __u64 *out)
{
	*out = latency;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_SCHED_LATENCY, sched_latency, u64,
		 get_sched_latency);

static int get_sched_latency_max(void *cookie __unused, __u64 *out)
{
	*out = latency_max;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_SCHED_LATENCY_MAX, sched_latency_max, u64,
		 get_sched_latency_max);
