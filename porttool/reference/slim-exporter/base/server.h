/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVER_H
#define SERVER_H

#include <stddef.h>

#include "buf.h"
#include "http.h"

/* What a handler answers; it starts as an empty 200. */
struct http_reply {
	int status;
	const char *type;	/* Content-Type */
	struct buf *body;
};

typedef void (server_handler)(const struct http_request *req,
			      struct http_reply *reply);

struct server_config {
	const int *listeners;	/* non-blocking */
	size_t nr_listeners;
	int stop_fd;		/* readable when it is time to end; -1: never */
	server_handler *handler;
	size_t max_connections;
	int idle_ms;		/* between two requests */
	int head_ms;		/* from the first byte of a head to its last */
	int write_ms;		/* for a whole reply */
};

#define SERVER_CONFIG_DEFAULT {		\
	.stop_fd = -1,			\
	.max_connections = 256,		\
	.idle_ms = 120 * 1000,		\
	.head_ms = 10 * 1000,		\
	.write_ms = 30 * 1000,		\
}

/*
 * Serves in the calling thread until stop_fd becomes readable.  Returns 0 or a
 * negative errno; the listeners stay open.
 */
int server_run(const struct server_config *config);

#endif
