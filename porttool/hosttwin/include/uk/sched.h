/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_SCHED_H__
#define __UK_SCHED_H__

#include <stdbool.h>
#include <uk/arch/limits.h>
#include <uk/errptr.h>
#include <uk/essentials.h>
#include <uk/thread.h>

struct uk_sched {
	struct uk_thread *threads;
};

struct uk_sched *uk_sched_current(void);

/** Idle is the time in which no thread of the twin had a processor */
const struct uk_thread *uk_sched_idle_thread(struct uk_sched *s,
					     unsigned int proc_id);

#define uk_sched_foreach_thread(sched, itr)				\
	for ((itr) = __atomic_load_n(&(sched)->threads, __ATOMIC_ACQUIRE);	\
	     (itr); (itr) = (itr)->next)

/**
 * A pthread with a stack of stack_len bytes, or what the host needs at least.
 * auxstack_len, no_uktls and no_ectx have no meaning on the host.
 *
 * @return NULL if there is no thread to be had
 */
struct uk_thread *uk_sched_thread_create_fn1(struct uk_sched *s,
					     uk_thread_fn1_t fn1, void *argp,
					     size_t stack_len,
					     size_t auxstack_len, bool no_uktls,
					     bool no_ectx, const char *name,
					     void *priv, uk_thread_dtor_t dtor);

#define uk_sched_thread_create(s, fn1, argp, name)			\
	uk_sched_thread_create_fn1((s), (fn1), (void *)(argp), 0x0, 0x0,	\
				   false, false, (name), NULL, NULL)

void uk_sched_yield(void);
void uk_sched_thread_sleep(__nsec nsec);

#endif /* __UK_SCHED_H__ */
