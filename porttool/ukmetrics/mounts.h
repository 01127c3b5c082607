/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UKM_MOUNTS_H__
#define __UKM_MOUNTS_H__

/** @return the paths that ukmetrics.mounts names, with commas between them */
const char *ukm_mounts_param(void);

#endif /* __UKM_MOUNTS_H__ */
