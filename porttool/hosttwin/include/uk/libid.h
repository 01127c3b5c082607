/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_LIBID_H__
#define __UK_LIBID_H__

#include <uk/arch/limits.h>
#include <uk/arch/types.h>
/* Written by twin.mk: a number for each library of this build */
#include <uk/bits/libid.h>

#define UKLIBID_NONE	__U16_MAX

#define _uk_libid_static(l)	__UKLIBID_##l
/* Does not compile for a library that is not in the build, as in Unikraft */
#define uk_libid_static(libname) _uk_libid_static(libname)

#define uk_libid_self()		uk_libid_static(__LIBNAME__)

#define uk_libid_static_count()	__UKLIBID_COUNT__

__u16 uk_libid_count(void);
const char *uk_libname(__u16 libid);

/* The whole name with its prefix: "libukalloc". "ukalloc" is UKLIBID_NONE. */
__u16 uk_libid(const char *libname);

#endif /* __UK_LIBID_H__ */
