/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collectors.h"
#include "daemon.h"
#include "listen.h"
#include "log.h"
#include "options.h"
#include "pages.h"
#include "server.h"
#include "signals.h"
#include "version.h"

static int complain(const char *what, int err)
{
	log_error("%s: %s", what, strerror(-err));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct server_config server = SERVER_CONFIG_DEFAULT;
	int listeners[LISTEN_MAX];
	struct options options;
	int err;

	switch (options_parse(&options, argc, argv)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_BAD:
		return 2;
	}
	err = options.log_file ? log_open(options.log_file) : 0;
	if (err)
		return complain(options.log_file, err);

	/* Before going into the background, so that errors are seen. */
	err = listen_open(options.address, options.port, listeners);
	if (err < 0)
		return complain("cannot listen", err);
	server.listeners = listeners;
	server.nr_listeners = (size_t)err;
	server.handler = pages_handle;
	server.max_connections = options.max_connections;
	server.idle_ms = options.idle_seconds * 1000;

	err = options.daemonize ? daemon_start() : 0;
	if (err)
		return complain("cannot daemonize", err);

	server.stop_fd = signals_open();
	if (server.stop_fd < 0)
		return complain("cannot catch signals", server.stop_fd);

	err = collectors_start();
	if (err)
		return complain("cannot start the collectors", err);
	log_info("version " SLIM_EXPORTER_VERSION " serves, process %ld",
		 (long)getpid());
	err = server_run(&server);
	collectors_stop();
	listen_close(listeners, server.nr_listeners);
	if (err)
		return complain("server", err);
	log_info("ended");
	return EXIT_SUCCESS;
}
