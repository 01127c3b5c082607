/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_POSIX_FDTAB_H__
#define __UK_POSIX_FDTAB_H__

/**
 * @return flags of an open descriptor; negative for one that is not open
 */
int uk_fdtab_getflags(int fd);

#endif /* __UK_POSIX_FDTAB_H__ */
