/* SPDX-License-Identifier: BSD-3-Clause */
/* The release of Unikraft that this library was emitted for. */
#ifndef __UKM_TARGET_H__
#define __UKM_TARGET_H__

#define UKM_VERSION(major, minor, patch)				\
	((major) << 16 | (minor) << 8 | (patch))

#define UKM_UNIKRAFT	UKM_VERSION(0, 16, 3)

#endif /* __UKM_TARGET_H__ */
