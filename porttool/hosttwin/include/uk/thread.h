/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_THREAD_H__
#define __UK_THREAD_H__

#include <stdbool.h>
#include <uk/arch/types.h>
#include <uk/essentials.h>

struct uk_thread;

typedef void (*uk_thread_fn1_t)(void *) __noreturn;
typedef void (*uk_thread_dtor_t)(struct uk_thread *);

/* Never freed, so that the list can be walked while threads come and go */
struct uk_thread {
	struct uk_thread *next;
	uk_thread_fn1_t fn1;
	void *argp;
	uk_thread_dtor_t dtor;
	bool exited;
	/* Of the idle thread only */
	__nsec exec_time;
};

/* The host does not say which thread waits: all that live are runnable */
#define uk_thread_is_exited(t) ((t)->exited)
#define uk_thread_is_runnable(t) (!uk_thread_is_exited(t))

struct uk_thread *uk_thread_current(void);
void uk_sched_thread_exit(void) __noreturn;
#define uk_thread_exit() uk_sched_thread_exit()

#endif /* __UK_THREAD_H__ */
