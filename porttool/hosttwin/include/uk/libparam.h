/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_LIBPARAM_H__
#define __UK_LIBPARAM_H__

#include <stdbool.h>
#include <uk/config.h>
#include <uk/essentials.h>

#ifndef UK_LIBPARAM_LIBPREFIX
#define UK_LIBPARAM_LIBPREFIX __LIBNAME__
#endif

enum twin_param_type {
	TWIN_PARAM_bool,
	TWIN_PARAM___s8,
	TWIN_PARAM___u8,
	TWIN_PARAM___s16,
	TWIN_PARAM___u16,
	TWIN_PARAM___s32,
	TWIN_PARAM___u32,
	TWIN_PARAM___s64,
	TWIN_PARAM___u64,
	TWIN_PARAM___uptr,
	TWIN_PARAM_charp
};
/* What `bool` is once <stdbool.h> was read */
#define TWIN_PARAM__Bool	TWIN_PARAM_bool
#define TWIN_PARAM_char		TWIN_PARAM___s8
#define TWIN_PARAM_uchar	TWIN_PARAM___u8
#define TWIN_PARAM_int		TWIN_PARAM___s32
#define TWIN_PARAM_uint		TWIN_PARAM___u32

struct twin_param {
	const char *prefix;
	const char *name;
	const char *desc;
	void *addr;
	enum twin_param_type type;
};

#if CONFIG_LIBUKLIBPARAM
#define __TWIN_PARAM(name_, addr_, type_, desc_)			\
	static const struct twin_param					\
	__used __section("twin_params") __align8					\
	__twin_param_##name_ = {					\
		.prefix = STRINGIFY(UK_LIBPARAM_LIBPREFIX),		\
		.name = #name_, .desc = (desc_), .addr = (addr_),	\
		.type = TWIN_PARAM_##type_				\
	}
#else
/* Without uklibparam a parameter is silently not there, as in Unikraft */
#define __TWIN_PARAM(name_, addr_, type_, desc_) \
	struct twin_param
#endif

#define UK_LIBPARAM_PARAM(var, type, desc) \
	__TWIN_PARAM(var, &var, type, desc)
#define UK_LIBPARAM_PARAM_ALIAS(name, addr, type, desc) \
	__TWIN_PARAM(name, addr, type, desc)

#endif /* __UK_LIBPARAM_H__ */
