/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>
#include <uk/plat/time.h>

static struct timespec start;

static __nsec nanoseconds(const struct timespec *t)
{
	return (__nsec)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* Before anything else: a constructor of Unikraft would already be timed */
static void __attribute__((constructor)) start_clock(void)
{
	clock_gettime(CLOCK_MONOTONIC, &start);
}

__nsec ukplat_monotonic_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return nanoseconds(&now) - nanoseconds(&start);
}

__nsec ukplat_wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return nanoseconds(&now);
}
