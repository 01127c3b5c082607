/* SPDX-License-Identifier: BSD-3-Clause */
/* When the unikernel booted, what it is called and what it was built from. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/plat/time.h>
#include <ukm_store.h>
#if CONFIG_LIBPOSIX_SYSINFO
#include <sys/utsname.h>
#endif

#include "release.h"

/* Before this the platform's clock did not run: all the same in every build */
#define CLOCK_UNSET 0

static int get_uptime(void *cookie __unused, __u64 *out)
{
	*out = ukplat_monotonic_clock();
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_UPTIME, uptime, u64, get_uptime);

/* Taken once: two clocks, read one after the other, never agree twice */
static int get_boot_time(void *cookie __unused, __u64 *out)
{
	static __nsec boot_time;
	__nsec wall = ukplat_wall_clock();

	if (!boot_time && wall != CLOCK_UNSET)
		boot_time = wall - ukplat_monotonic_clock();
	if (!boot_time)
		return -ENODATA;

	*out = boot_time;
	return 0;
}
UKM_STATIC_ENTRY(UKM_STORE_BOOT_TIME, boot_time, u64, get_boot_time);

/* The caller frees it, which is what ukstore demands of a text */
static int text(const char *value, char **out)
{
	*out = strdup(value);
	return *out ? 0 : -ENOMEM;
}

#if CONFIG_LIBPOSIX_SYSINFO
#define NAME(id, field, otherwise)					\
	static int get_uname_##field(void *cookie __unused, char **out)	\
	{								\
		struct utsname name;					\
									\
		if (uname(&name) < 0)					\
			return -errno;					\
		return text(name.field, out);				\
	}								\
	UKM_STATIC_ENTRY(id, uname_##field, charp, get_uname_##field)
#else
#define NAME(id, field, otherwise)					\
	static int get_uname_##field(void *cookie __unused, char **out)	\
	{								\
		return text(otherwise, out);				\
	}								\
	UKM_STATIC_ENTRY(id, uname_##field, charp, get_uname_##field)
#endif

NAME(UKM_STORE_UNAME_SYSNAME, sysname, "Unikraft");
NAME(UKM_STORE_UNAME_NODENAME, nodename, "unikraft");
NAME(UKM_STORE_UNAME_RELEASE, release, STRINGIFY(UK_CODENAME));
NAME(UKM_STORE_UNAME_VERSION, version, STRINGIFY(UK_FULLVERSION));
NAME(UKM_STORE_UNAME_MACHINE, machine, CONFIG_UK_ARCH);

static int get_build_unikraft(void *cookie __unused, char **out)
{
	return text(STRINGIFY(UK_FULLVERSION), out);
}
UKM_STATIC_ENTRY(UKM_STORE_BUILD_UNIKRAFT, build_unikraft, charp,
		 get_build_unikraft);

static int get_build_application(void *cookie __unused, char **out)
{
	return text(CONFIG_UK_NAME, out);
}
UKM_STATIC_ENTRY(UKM_STORE_BUILD_APPLICATION, build_application, charp,
		 get_build_application);

static int get_build_compiler(void *cookie __unused, char **out)
{
	return text(__VERSION__, out);
}
UKM_STATIC_ENTRY(UKM_STORE_BUILD_COMPILER, build_compiler, charp,
		 get_build_compiler);
