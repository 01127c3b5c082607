/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SYSFILE_H
#define SYSFILE_H

#include "buf.h"

/*
 * Where procfs and sysfs are; the strings must stay valid.  Only before the
 * collectors are started.
 */
void sysfile_set_procfs(const char *root);
void sysfile_set_sysfs(const char *root);

/*
 * Reads a whole file below the root into 'b', NUL-terminated (the NUL is not
 * counted in b->len).  Returns 0 or a negative errno.
 */
int procfs_read(struct buf *b, const char *path);
int sysfs_read(struct buf *b, const char *path);

/*
 * Calls 'entry' for each name in a directory below the root but those that
 * start with a dot.  Returns 0, the first value other than 0 that 'entry'
 * gave, or a negative errno.
 */
typedef int (sysfile_entry_fn)(const char *name, void *arg);
int procfs_list(const char *path, sysfile_entry_fn *entry, void *arg);
int sysfs_list(const char *path, sysfile_entry_fn *entry, void *arg);

#endif
