/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "sysfile.h"

#define READ_STEP 4096

static const char *procfs = "/proc";
static const char *sysfs = "/sys";

void sysfile_set_procfs(const char *root)
{
	procfs = root;
}

void sysfile_set_sysfs(const char *root)
{
	sysfs = root;
}

static int join(char *out, size_t size, const char *root, const char *path)
{
	int n = snprintf(out, size, "%s/%s", root, path);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int read_all(int fd, struct buf *b)
{
	ssize_t n;
	char *p;

	for (;;) {
		p = buf_room(b, READ_STEP);
		if (!p)
			return -ENOMEM;
		n = read(fd, p, READ_STEP - 1);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p[n] = '\0';
		if (!n)
			return 0;
		b->len += (size_t)n;
	}
}

static int read_below(struct buf *b, const char *root, const char *path)
{
	char name[PATH_MAX];
	int err, fd;

	buf_reset(b);
	err = join(name, sizeof(name), root, path);
	if (err)
		return err;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_all(fd, b);
	close(fd);
	return err;
}

static int list_below(const char *root, const char *path,
		      sysfile_entry_fn *entry, void *arg)
{
	char name[PATH_MAX];
	struct dirent *d;
	DIR *dir;
	int err;

	err = join(name, sizeof(name), root, path);
	if (err)
		return err;
	dir = opendir(name);
	if (!dir)
		return -errno;
	while (!err) {
		errno = 0;
		d = readdir(dir);
		if (!d) {
			err = -errno;
			break;
		}
		if (d->d_name[0] != '.')
			err = entry(d->d_name, arg);
	}
	closedir(dir);
	return err;
}

int procfs_read(struct buf *b, const char *path)
{
	return read_below(b, procfs, path);
}

int sysfs_read(struct buf *b, const char *path)
{
	return read_below(b, sysfs, path);
}

int procfs_list(const char *path, sysfile_entry_fn *entry, void *arg)
{
	return list_below(procfs, path, entry, arg);
}

int sysfs_list(const char *path, sysfile_entry_fn *entry, void *arg)
{
	return list_below(sysfs, path, entry, arg);
}
