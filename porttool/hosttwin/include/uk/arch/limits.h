/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UKARCH_LIMITS_H__
#define __UKARCH_LIMITS_H__

#include <limits.h>
#include <uk/arch/types.h>

#define __U8_MAX	UINT8_MAX
#define __U16_MAX	UINT16_MAX
#define __U32_MAX	UINT32_MAX
#define __U64_MAX	UINT64_MAX
#define __S8_MAX	INT8_MAX
#define __S16_MAX	INT16_MAX
#define __S32_MAX	INT32_MAX
#define __S64_MAX	INT64_MAX
#define __S8_MIN	INT8_MIN
#define __S16_MIN	INT16_MIN
#define __S32_MIN	INT32_MIN
#define __S64_MIN	INT64_MIN

#define __PAGE_SIZE	4096
#define __STACK_SIZE	(64 * 1024)

#endif /* __UKARCH_LIMITS_H__ */
