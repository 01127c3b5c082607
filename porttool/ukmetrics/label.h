/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UKM_LABEL_H__
#define __UKM_LABEL_H__

#include <stdbool.h>
#include <stddef.h>

/* Only printable ASCII: one byte that is not UTF-8 and Prometheus refuses the
 * whole scrape.
 */
static inline bool ukm_label_value_ok(const char *value)
{
	if (!value)
		return false;

	for (; *value; value++)
		if (*value < ' ' || *value > '~')
			return false;

	return true;
}

#endif /* __UKM_LABEL_H__ */
