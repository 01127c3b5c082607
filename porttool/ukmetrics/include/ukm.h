/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib-ukmetrics: the unikernel's figures as metric samples.
 *
 * Nothing here knows how samples are served. Whoever wants them, an exporter
 * or an application of your own, calls ukm_collect() and writes down what it
 * is handed.
 */
#ifndef __UKM_H__
#define __UKM_H__

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ukm_type {
	UKM_COUNTER,
	UKM_GAUGE,
	/** Some name of node_exporter's that does not say which of the two */
	UKM_UNTYPED
};

struct ukm_family {
	/** Sample name as in text format 0.0.4: a counter ends in _total */
	const char *name;
	const char *help;
	/** "bytes", "seconds", ...; "" when there is none */
	const char *unit;
	enum ukm_type type;
};

struct ukm_label {
	const char *name;
	const char *value;
};

struct ukm_sample {
	const struct ukm_family *family;
	/** The sample's own labels first, then the constant ones */
	const struct ukm_label *labels;
	size_t nr_labels;
	double value;
};

/** Groups of metrics that can be switched off */
enum ukm_collector {
	UKM_MEMORY	= 1 << 0,
	UKM_NETWORK	= 1 << 1,
	UKM_LOCKS	= 1 << 2,
	UKM_CPU		= 1 << 3,
	UKM_FILES	= 1 << 4,
	UKM_NETSTAT	= 1 << 5,
	UKM_SYSTEM	= 1 << 6,
	UKM_MOUNTS	= 1 << 7
};

struct ukm_config {
	/** TCP port to serve on, in host byte order */
	uint16_t port;
	/** Dotted quad to listen on */
	const char *address;
	/** Bits of enum ukm_collector */
	uint32_t collectors;
	/** Constant labels, already part of every sample */
	const struct ukm_label *labels;
	size_t nr_labels;
};

/**
 * Takes one sample. The sample and its labels are valid during the call only;
 * names, help texts and constant labels stay for ever.
 *
 * @return 0 to go on; any other value ends the collection
 */
typedef int (ukm_emit_fn)(const struct ukm_sample *sample, void *arg);

/**
 * Hands out every figure that is known now, one call a sample. Samples of one
 * family follow each other. A figure that is not known is left out.
 *
 * Call it from one thread at a time, after the init table was run. It does
 * not allocate, and blocks only where a getter of ukstore does.
 *
 * @return 0, or the value with which emit() ended the collection
 */
int ukm_collect(ukm_emit_fn *emit, void *arg);

/**
 * The configuration as the kernel command line set it. Complete once init
 * level `lib` has begun, never changed and never freed.
 */
const struct ukm_config *ukm_config_get(void);

#ifdef __cplusplus
}
#endif

#endif /* __UKM_H__ */
