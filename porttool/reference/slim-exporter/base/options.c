/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors.h"
#include "log.h"
#include "options.h"
#include "sysfile.h"
#include "text.h"
#include "version.h"

static void print_help(void)
{
	puts("Usage: slim-exporter [OPTION]...\n"
	     "Serve figures of this machine to Prometheus.\n"
	     "\n"
	     "  -a, --address=ADDRESS   listen on ADDRESS (default: all)\n"
	     "  -p, --port=PORT         listen on PORT (default: 9100)\n"
	     "  -e, --enable=LIST       turn collectors on\n"
	     "  -x, --disable=LIST      turn collectors off; \"all\" is all\n"
	     "  -d, --daemonize         go into the background\n"
	     "  -l, --log-file=FILE     append the log to FILE\n"
	     "  -v, --verbose           log more\n"
	     "  -q, --quiet             log errors only\n"
	     "      --procfs=DIR        use DIR instead of /proc\n"
	     "      --sysfs=DIR         use DIR instead of /sys\n"
	     "      --max-connections=N serve N clients at once (default: 256)\n"
	     "      --idle-timeout=SEC  close connections idle for SEC seconds\n"
	     "                          (default: 120)\n"
	     "  -h, --help              print this\n"
	     "  -V, --version           print the version\n"
	     "\n"
	     "Collectors, all on by default:");
	for (unsigned i = 0; collectors_name(i); i++)
		printf("%s%s", i ? ", " : "  ", collectors_name(i));
	puts("");
}

static bool complain(const char *option, const char *value)
{
	fprintf(stderr, "slim-exporter: bad value for --%s: %s\n", option,
		value);
	return false;
}

static bool number(const char *option, const char *value, uint64_t min,
		   uint64_t max, uint64_t *out)
{
	if (!text_u64(value, out) || *out < min || *out > max)
		return complain(option, value);
	return true;
}

static bool select_collectors(const char *list, bool on)
{
	const char *unknown;

	if (collectors_select(list, on, &unknown))
		return true;
	fprintf(stderr, "slim-exporter: no such collector: %.*s\n",
		(int)strcspn(unknown, ","), unknown);
	return false;
}

/* Made absolute, because a daemon leaves the current directory. */
static bool root(const char *option, const char *value,
		 void (*set)(const char *), char path[PATH_MAX])
{
	if (!realpath(value, path)) {
		fprintf(stderr, "slim-exporter: --%s: ", option);
		perror(value);
		return false;
	}
	set(path);
	return true;
}

enum options_result options_parse(struct options *o, int argc, char **argv)
{
	enum { PROCFS = 256, SYSFS, MAX_CONNECTIONS, IDLE_TIMEOUT };
	static const struct option options[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "enable", required_argument, NULL, 'e' },
		{ "disable", required_argument, NULL, 'x' },
		{ "daemonize", no_argument, NULL, 'd' },
		{ "log-file", required_argument, NULL, 'l' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "procfs", required_argument, NULL, PROCFS },
		{ "sysfs", required_argument, NULL, SYSFS },
		{ "max-connections", required_argument, NULL,
		  MAX_CONNECTIONS },
		{ "idle-timeout", required_argument, NULL, IDLE_TIMEOUT },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	static char procfs[PATH_MAX], sysfs[PATH_MAX];
	bool good = true;
	uint64_t n = 0;
	int c;

	*o = (struct options){
		.port = 9100,
		.max_connections = 256,
		.idle_seconds = 120,
	};
	while (good && (c = getopt_long(argc, argv, "a:p:e:x:dl:vqhV", options,
					NULL)) != -1) {
		switch (c) {
		case 'a':
			o->address = optarg;
			break;
		case 'p':
			good = number("port", optarg, 0, UINT16_MAX, &n);
			o->port = (uint16_t)n;
			break;
		case 'e':
			good = select_collectors(optarg, true);
			break;
		case 'x':
			good = select_collectors(optarg, false);
			break;
		case 'd':
			o->daemonize = true;
			break;
		case 'l':
			o->log_file = optarg;
			break;
		case 'v':
			log_set_level(LOG_DEBUG);
			break;
		case 'q':
			log_set_level(LOG_ERROR);
			break;
		case PROCFS:
			good = root("procfs", optarg, sysfile_set_procfs,
				    procfs);
			break;
		case SYSFS:
			good = root("sysfs", optarg, sysfile_set_sysfs, sysfs);
			break;
		case MAX_CONNECTIONS:
			good = number("max-connections", optarg, 1, 65536, &n);
			o->max_connections = (size_t)n;
			break;
		case IDLE_TIMEOUT:
			good = number("idle-timeout", optarg, 1, 86400, &n);
			o->idle_seconds = (int)n;
			break;
		case 'h':
			print_help();
			return OPTIONS_DONE;
		case 'V':
			puts("slim-exporter " SLIM_EXPORTER_VERSION);
			return OPTIONS_DONE;
		default:
			good = false;
		}
	}
	if (good && optind < argc) {
		fprintf(stderr, "slim-exporter: unexpected: %s\n",
			argv[optind]);
		good = false;
	}
	if (good)
		return OPTIONS_RUN;
	fputs("Try 'slim-exporter --help'.\n", stderr);
	return OPTIONS_BAD;
}
