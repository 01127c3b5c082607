/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads of the host in place of uksched's; they are preemptive here. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <uk/plat/time.h>
#include <uk/print.h>
#include <uk/sched.h>

/* AddressSanitizer spreads the variables of a frame; and the smallest stack
 * that the host allows also holds the thread's TLS.
 */
#ifdef __SANITIZE_ADDRESS__
#define STACK_EXTRA (256 * 1024)
#else
#define STACK_EXTRA PTHREAD_STACK_MIN
#endif

static struct uk_sched sched;
static __thread struct uk_thread *current;

struct uk_sched *uk_sched_current(void)
{
	return &sched;
}

struct uk_thread *uk_thread_current(void)
{
	return current;
}

const struct uk_thread *uk_sched_idle_thread(struct uk_sched *s __unused,
					     unsigned int proc_id)
{
	static __thread struct uk_thread idle;
	struct timespec busy;

	if (proc_id > 0)
		return NULL;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &busy);
	idle.exec_time = ukplat_monotonic_clock();
	idle.exec_time -= MIN(idle.exec_time,
			      (__nsec)busy.tv_sec * 1000000000 + busy.tv_nsec);
	return &idle;
}

static void list_thread(struct uk_thread *thread)
{
	thread->next = __atomic_load_n(&sched.threads, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&sched.threads, &thread->next,
					    thread, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

static void *thread_main(void *arg)
{
	current = arg;
	current->fn1(current->argp);
	uk_sched_thread_exit();
}

struct uk_thread *uk_sched_thread_create_fn1(struct uk_sched *s __unused,
					     uk_thread_fn1_t fn1, void *argp,
					     size_t stack_len,
					     size_t auxstack_len __unused,
					     bool no_uktls __unused,
					     bool no_ectx __unused,
					     const char *name,
					     void *priv __unused,
					     uk_thread_dtor_t dtor)
{
	struct uk_thread *thread;
	pthread_attr_t attr;
	pthread_t id;
	int rc;

	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	*thread = (struct uk_thread){ .fn1 = fn1, .argp = argp, .dtor = dtor };

	/* In whole pages, which is what pthreads accept */
	stack_len = (stack_len ? stack_len : __STACK_SIZE) + STACK_EXTRA;
	stack_len = (stack_len + 4095) & ~(size_t)4095;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_attr_setstacksize(&attr, stack_len);
	if (!rc)
		rc = pthread_create(&id, &attr, thread_main, thread);
	pthread_attr_destroy(&attr);
	if (rc) {
		uk_pr_err("thread '%s' could not be created: %d\n",
			  name ? name : "", rc);
		free(thread);
		return NULL;
	}
	if (name)
		pthread_setname_np(id, name);
	list_thread(thread);

	return thread;
}

void uk_sched_thread_exit(void)
{
	if (current && current->dtor)
		current->dtor(current);
	if (current)
		current->exited = true;
	pthread_exit(NULL);
}

void uk_sched_yield(void)
{
	sched_yield();
}

void uk_sched_thread_sleep(__nsec nsec)
{
	const struct timespec delay = {
		.tv_sec = nsec / 1000000000, .tv_nsec = nsec % 1000000000
	};

	nanosleep(&delay, NULL);
}
