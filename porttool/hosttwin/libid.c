/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <uk/assert.h>
#include <uk/libid.h>

#include "twin.h"

__u16 uk_libid_count(void)
{
	return uk_libid_static_count();
}

const char *uk_libname(__u16 libid)
{
	return libid < uk_libid_count() ? twin_libnames[libid] : NULL;
}

__u16 uk_libid(const char *libname)
{
	__u16 libid;

	UK_ASSERT(libname);

	for (libid = 0; libid < uk_libid_count(); libid++)
		if (!strcmp(libname, twin_libnames[libid]))
			return libid;

	return UKLIBID_NONE;
}
