/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration, from the kernel command line:
 *
 *   ukmetrics.port=9100 ukmetrics.labels=site=fra1,rack=b7 -- ...
 *
 * A parameter that makes no sense is reported and does not keep the unikernel
 * from booting: the application matters more than its metrics.
 */
#include <stdbool.h>
#include <string.h>
#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/libparam.h>
#include <uk/print.h>
#include <ukm.h>

#include "label.h"
#include "mounts.h"
#include "release.h"
#include "table.h"

static struct ukm_label labels[CONFIG_LIBUKMETRICS_MAX_LABELS];
static char label_text[CONFIG_LIBUKMETRICS_LABELS_LEN];

static struct ukm_config config = {
	.port = CONFIG_LIBUKMETRICS_PORT,
	.address = "0.0.0.0",
	.collectors = UKM_MEMORY | UKM_NETWORK | UKM_LOCKS | UKM_CPU |
		      UKM_FILES | UKM_NETSTAT | UKM_SYSTEM | UKM_MOUNTS,
	.labels = labels,
};

static char *collectors_param;
static char *labels_param;
#if CONFIG_LIBUKMETRICS_MOUNTS
static char *mounts_param = "/";
#endif

UK_LIBPARAM_PARAM_ALIAS(port, &config.port, __u16, "TCP port to serve on");
UK_LIBPARAM_PARAM_ALIAS(address, &config.address, charp,
			"IPv4 address to listen on");
UK_LIBPARAM_PARAM_ALIAS(collectors, &collectors_param, charp,
			"Metrics to serve: cpu,files,locks,memory,mounts,netstat,network,system");
UK_LIBPARAM_PARAM_ALIAS(labels, &labels_param, charp,
			"Labels of every sample: key=value,key=value");
#if CONFIG_LIBUKMETRICS_MOUNTS
UK_LIBPARAM_PARAM_ALIAS(mounts, &mounts_param, charp,
			"Mounts to watch: /,/data");

const char *ukm_mounts_param(void)
{
	return mounts_param;
}
#endif

static const struct {
	const char *name;
	__u32 bit;
} collector_names[] = {
	{ "cpu", UKM_CPU },
	{ "files", UKM_FILES },
	{ "locks", UKM_LOCKS },
	{ "memory", UKM_MEMORY },
	{ "mounts", UKM_MOUNTS },
	{ "netstat", UKM_NETSTAT },
	{ "network", UKM_NETWORK },
	{ "system", UKM_SYSTEM },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A leading zero is refused: to some it means octal */
static bool is_dotted_quad(const char *s)
{
	unsigned int number;
	int parts, digits;

	for (parts = 0; parts < 4; parts++) {
		if (parts && *s++ != '.')
			return false;
		if (*s == '0' && is_digit(s[1]))
			return false;
		number = 0;
		for (digits = 0; digits < 3 && is_digit(*s); digits++)
			number = number * 10 + (*s++ - '0');
		if (!digits || number > 255)
			return false;
	}

	return *s == '\0';
}

static bool collectors_parse(const char *s, __u32 *bits)
{
	size_t len, i;

	*bits = 0;
	while (*s) {
		len = strcspn(s, ",");
		for (i = 0; i < ARRAY_SIZE(collector_names); i++)
			if (strlen(collector_names[i].name) == len &&
			    !strncmp(collector_names[i].name, s, len))
				break;
		if (i == ARRAY_SIZE(collector_names))
			return false;

		*bits |= collector_names[i].bit;
		s += len;
		if (*s == ',' && !*++s)
			return false;
	}

	return true;
}

/* The rule of Prometheus, whose own names start with two underscores */
static bool label_name_ok(const char *name)
{
	const char *s;

	if (!*name || is_digit(*name) || !strncmp(name, "__", 2))
		return false;

	for (s = name; *s; s++)
		if (!is_digit(*s) && *s != '_' && !(*s >= 'a' && *s <= 'z') &&
		    !(*s >= 'A' && *s <= 'Z'))
			return false;

	return true;
}

static bool label_name_taken(const char *name, size_t nr)
{
	const char *const *used;
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(labels[i].name, name))
			return true;
	for (used = ukm_row_label_names; *used; used++)
		if (!strcmp(*used, name))
			return true;

	return false;
}

/* Returns what is wrong with the parameter, NULL if nothing is */
static const char *labels_parse(const char *param, size_t *nr_labels)
{
	char *next, *pair, *value;
	size_t nr = 0;

	if (strlen(param) >= sizeof(label_text))
		return "too long (see LIBUKMETRICS_LABELS_LEN)";
	strcpy(label_text, param);

	for (pair = label_text; pair && *pair; pair = next) {
		next = strchr(pair, ',');
		if (next) {
			*next++ = '\0';
			if (!*next)
				return "ends in a comma";
		}

		value = strchr(pair, '=');
		if (!value)
			return "a label is written key=value";
		*value++ = '\0';

		if (!label_name_ok(pair))
			return "not a label name";
		if (label_name_taken(pair, nr))
			return "a label name is used twice";
		if (!*value || !ukm_label_value_ok(value))
			return "a value is empty or not printable ASCII";
		if (nr == ARRAY_SIZE(labels))
			return "too many labels (see LIBUKMETRICS_MAX_LABELS)";

		labels[nr++] = (struct ukm_label){
			.name = pair, .value = value
		};
	}

	*nr_labels = nr;
	return NULL;
}

static int config_init(UKM_INIT_ARGS)
{
	const char *error;
	__u32 bits;

	/* Not the default: whoever asked for one address did not ask to be
	 * reachable on all of them.
	 */
	if (!is_dotted_quad(config.address)) {
		uk_pr_err("ukmetrics.address: '%s' is not an IPv4 address, using 127.0.0.1\n",
			  config.address);
		config.address = "127.0.0.1";
	}

	if (collectors_param) {
		if (collectors_parse(collectors_param, &bits))
			config.collectors = bits;
		else
			uk_pr_err("ukmetrics.collectors: '%s' is not a list of cpu, files, locks, memory, mounts, netstat, network, system; all are on\n",
				  collectors_param);
	}

	if (labels_param) {
		error = labels_parse(labels_param, &config.nr_labels);
		if (error)
			uk_pr_err("ukmetrics.labels: %s; no label is set\n",
				  error);
	}

	return 0;
}
ukm_lib_initcall_prio(config_init, UK_PRIO_EARLIEST);

const struct ukm_config *ukm_config_get(void)
{
	return &config;
}
