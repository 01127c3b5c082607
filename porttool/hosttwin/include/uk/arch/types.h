/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UKARCH_TYPES_H__
#define __UKARCH_TYPES_H__

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* libc may include the same names from the Linux headers */
#if __has_include(<linux/types.h>)
#include <linux/types.h>
#else
typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
#endif

typedef uintptr_t __uptr;
typedef intptr_t __sptr;
typedef size_t __sz;
typedef ssize_t __ssz;
typedef __s64 __nsec;

#define __PRIu64 "llu"
#define __PRIs64 "lld"

#define __NULL NULL

#endif /* __UKARCH_TYPES_H__ */
