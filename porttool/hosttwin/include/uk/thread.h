/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_THREAD_H__
#define __UK_THREAD_H__

#include <stdbool.h>
#include <uk/essentials.h>

struct uk_thread;

typedef void (*uk_thread_fn1_t)(void *) __noreturn;
typedef void (*uk_thread_dtor_t)(struct uk_thread *);

struct uk_thread *uk_thread_current(void);
void uk_sched_thread_exit(void) __noreturn;
#define uk_thread_exit() uk_sched_thread_exit()

#endif /* __UK_THREAD_H__ */
