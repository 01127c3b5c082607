/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prints the samples of `consumer.rounds` collections (after each but the last
 * it waits `consumer.pause` milliseconds), the configuration before them, and
 * ends the twin.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <uk/essentials.h>
#include <uk/init.h>
#include <uk/libparam.h>
#include <uk/sched.h>
#include <ukm.h>
#include <unistd.h>

static int rounds = 1;
static int pause_ms;
static int stop_after = -1;
UK_LIBPARAM_PARAM(rounds, int, "Collections");
UK_LIBPARAM_PARAM_ALIAS(pause, &pause_ms, int, "Milliseconds between them");
UK_LIBPARAM_PARAM_ALIAS(stop, &stop_after, int, "Samples after which to stop");

static const char *const types[] = {
	[UKM_COUNTER] = "counter", [UKM_GAUGE] = "gauge",
	[UKM_UNTYPED] = "untyped",
};

static int print_sample(const struct ukm_sample *sample, void *arg)
{
	int *left = arg;
	size_t i;

	if (*left == 0)
		return 42;
	--*left;

	printf("sample %s %s %s", sample->family->name,
	       types[sample->family->type], sample->family->unit);
	for (i = 0; i < sample->nr_labels; i++)
		printf("|%s=%s", sample->labels[i].name,
		       sample->labels[i].value);
	printf("|%.17g\n", sample->value);
	printf("help %s\n", sample->family->help);
	return 0;
}

static void __noreturn consume(void *arg)
{
	const struct ukm_config *config = arg;
	size_t i;
	int round;

	printf("port %u\naddress %s\ncollectors %" PRIu32 "\n", config->port,
	       config->address, config->collectors);
	for (i = 0; i < config->nr_labels; i++)
		printf("label %s=%s\n", config->labels[i].name,
		       config->labels[i].value);

	for (round = 0; round < rounds; round++) {
		int left = stop_after;

		if (round)
			uk_sched_thread_sleep(pause_ms * 1000000LL);
		printf("round %d\n", round);
		printf("returned %d\n", ukm_collect(print_sample, &left));
	}
	fflush(stdout);

	kill(getpid(), SIGTERM);
	uk_sched_thread_exit();
}

static int consumer_init(struct uk_init_ctx *ctx __unused)
{
	if (!uk_sched_thread_create_fn1(uk_sched_current(), consume,
					(void *)ukm_config_get(), 32768, 8192,
					false, false, "consumer", NULL, NULL))
		return -1;
	return 0;
}
uk_late_initcall(consumer_init, 0x0);
