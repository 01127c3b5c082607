/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UKM_LATENCY_H__
#define __UKM_LATENCY_H__

#include <uk/config.h>

/**
 * Yields, and notes how long it took until this thread ran again: with a
 * cooperative scheduler, that is what the other threads make everybody wait.
 */
#if CONFIG_LIBUKMETRICS_CPU
void ukm_latency_measure(void);
#else
static inline void ukm_latency_measure(void)
{
}
#endif

#endif /* __UKM_LATENCY_H__ */
