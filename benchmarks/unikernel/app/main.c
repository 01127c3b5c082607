/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An application that knows nothing of the exporter beside it. Its argument says
 * what it does all the time: "idle" says every second how much memory is free,
 * "yield" computes and lets others run every millisecond, "serve" answers each
 * message on a connection to port 8080 with 16 KiB.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uk/alloc.h>
#include <uk/plat/time.h>
#include <uk/sched.h>

#define ANSWER (16 * 1024)
#define MILLISECOND 1000000

/* What the benchmark counts: the application's own instructions */
static __attribute__((noinline)) void work(void)
{
	for (volatile int i = 0; i < 500; i++)
		;
}

static void compute(void)
{
	__nsec until;

	for (;;) {
		until = ukplat_monotonic_clock() + MILLISECOND;
		while (ukplat_monotonic_clock() < until)
			work();
		uk_sched_yield();
	}
}

static void answer(int fd)
{
	static char page[ANSWER];
	char request[512];
	ssize_t n;
	size_t sent;

	while (recv(fd, request, sizeof(request), 0) > 0)
		for (sent = 0; sent < sizeof(page); sent += (size_t)n) {
			n = send(fd, page + sent, sizeof(page) - sent, 0);
			if (n < 0)
				return;
		}
}

static void serve(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(8080)
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), client;

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 4))
		abort();
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		answer(client);
		close(client);
	}
}

int main(int argc, char *argv[])
{
	const char *what = argc > 1 ? argv[1] : "idle";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "yield"))
		compute();
	if (!strcmp(what, "serve"))
		serve();
	for (;;) {
		printf("free %zu\n", (size_t)uk_alloc_availmem_total());
		sleep(1);
	}
}
