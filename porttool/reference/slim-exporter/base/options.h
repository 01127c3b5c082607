/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
	const char *address;	/* NULL: every address of the machine */
	const char *log_file;	/* NULL: standard error */
	uint16_t port;
	bool daemonize;
	size_t max_connections;
	int idle_seconds;
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/*
 * Reads the command line.  Collectors, log level and the roots of procfs and
 * sysfs are set at once; the rest is in '*o'.  OPTIONS_DONE means that help or
 * version was asked for and printed, OPTIONS_BAD that an error was.
 */
enum options_result options_parse(struct options *o, int argc, char **argv);

#endif
