/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UKPLAT_TIME_H__
#define __UKPLAT_TIME_H__

#include <uk/arch/types.h>

/** Nanoseconds since the twin started */
__nsec ukplat_monotonic_clock(void);

/** Nanoseconds since 1970 */
__nsec ukplat_wall_clock(void);

#endif /* __UKPLAT_TIME_H__ */
