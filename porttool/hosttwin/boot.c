/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens before main() in Unikraft, and then nothing until the twin is
 * told to end: the libraries' threads do the work.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uk/assert.h>
#include <uk/ctors.h>
#include <uk/event.h>
#include <uk/init.h>
#include <uk/print.h>

#include "twin.h"

extern const struct twin_ctor __start_twin_ctortab[] __weak;
extern const struct twin_ctor __stop_twin_ctortab[] __weak;
extern const struct twin_initcall __start_twin_inittab[] __weak;
extern const struct twin_initcall __stop_twin_inittab[] __weak;

static void console(const char *head, const char *fmt, va_list ap)
{
	char line[512];
	size_t len;
	int n;

	len = (size_t)snprintf(line, sizeof(line), "%s: ", head);
	n = vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	if (n < 0)
		return;
	len = MIN(len + (size_t)n, sizeof(line) - 1);
	if (line[len - 1] != '\n') {
		len = MIN(len, sizeof(line) - 2);
		line[len++] = '\n';
	}
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void _uk_printk(int level, const char *lib, const char *fmt, ...)
{
	static const char *const names[] = { "CRIT", "ERR", "WARN", "INFO" };
	char head[64];
	va_list ap;

	snprintf(head, sizeof(head), "%s: %s", names[level], lib);
	va_start(ap, fmt);
	console(head, fmt, ap);
	va_end(ap);
}

void twin_crash(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	console("host twin", fmt, ap);
	va_end(ap);
	abort();
}

int uk_raise_event_ptr(struct uk_event *event, void *data)
{
	const struct twin_event_handler *handler;
	int ret = UK_EVENT_NOT_HANDLED;
	int prio, rc;

	for (prio = UK_PRIO_EARLIEST; prio <= UK_PRIO_LATEST; prio++)
		for (handler = event->start; handler != event->stop; handler++) {
			if (handler->prio != prio)
				continue;
			rc = handler->fn(data);
			if (rc < 0 || rc == UK_EVENT_HANDLED)
				return rc;
			if (rc == UK_EVENT_HANDLED_CONT)
				ret = rc;
		}

	return ret;
}

static void run_ctors(void)
{
	const struct twin_ctor *ctor;
	int prio;

	for (prio = UK_PRIO_EARLIEST; prio <= UK_PRIO_LATEST; prio++)
		for (ctor = __start_twin_ctortab;
		     ctor != __stop_twin_ctortab; ctor++)
			if (ctor->prio == prio)
				ctor->fn();
}

static int run_initcalls(int level, struct uk_init_ctx *ctx)
{
	const struct twin_initcall *call;
	int prio, rc;

	for (prio = UK_PRIO_EARLIEST; prio <= UK_PRIO_LATEST; prio++)
		for (call = __start_twin_inittab;
		     call != __stop_twin_inittab; call++) {
			if (call->level != level || call->prio != prio ||
			    !call->init)
				continue;
			rc = call->init(ctx);
			if (rc < 0) {
				fprintf(stderr,
					"host twin: an init function of level %d returned %d (%s)\n",
					level, rc, strerror(-rc));
				return rc;
			}
		}

	return 0;
}

static void run_termcalls(void)
{
	const struct uk_term_ctx ctx = { .target = UKPLAT_HALT };
	const struct twin_initcall *call;
	int level, prio;

	for (level = UK_INIT_CLASS_LATE; level >= UK_INIT_CLASS_EARLY; level--)
		for (prio = UK_PRIO_LATEST; prio >= UK_PRIO_EARLIEST; prio--)
			for (call = __stop_twin_inittab;
			     call != __start_twin_inittab; call--)
				if (call[-1].level == level &&
				    call[-1].prio == prio && call[-1].term)
					call[-1].term(&ctx);
}

int main(int argc, char *argv[])
{
	struct uk_init_ctx ctx = { .cmdline = { .argc = argc, .argv = argv } };
	sigset_t signals;
	int level, caught, stop;

	/* Before any thread exists, so that only sigwait() sees them */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	/* Unikraft has no signals: a write to a closed socket gives EPIPE */
	signal(SIGPIPE, SIG_IGN);

	run_ctors();

	/* As in Unikraft, parameters count only in front of a "--" */
	stop = twin_libparam_scan(argc, argv);
	if (stop < argc) {
		twin_libparam_parse(stop - 1, argv + 1);
		argv[stop] = argv[0];
		ctx.cmdline.argc = argc - stop;
		ctx.cmdline.argv = argv + stop;
	}

	for (level = UK_INIT_CLASS_EARLY; level <= UK_INIT_CLASS_LATE; level++)
		if (run_initcalls(level, &ctx) < 0)
			return EXIT_FAILURE;

	do
		errno = sigwait(&signals, &caught);
	while (errno == EINTR);

	run_termcalls();

	/* Threads still run: what they use must not be torn down under them */
	fflush(NULL);
	_exit(EXIT_SUCCESS);
}
