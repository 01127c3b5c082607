/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "collector.h"
#include "sysfile.h"
#include "text.h"

/*
 * statvfs(2) on a dead network mount may block for minutes.  So a thread of
 * its own asks, and a scrape shows what that thread found last.
 */
#define SAMPLE_SECONDS 10
/* Figures older than this are no longer known. */
#define STALE_SECONDS (3 * SAMPLE_SECONDS)
/* What collectors_start() waits for the first sample. */
#define FIRST_SECONDS 1

struct mount {
	const char *device;
	const char *point;
	const char *type;
	bool read_only;
	bool failed;
	struct statvfs figures;
};

/* The strings of the mounts lie in 'text'. */
struct sample {
	struct buf text;
	struct mount *mounts;
	size_t nr;
	size_t cap;
	int err;
};

static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

/* Protected by 'lock'. */
static struct sample shown;
static struct timespec shown_at;	/* zero: never */
static bool stopping;

/* File systems that have no size of their own, or one that means nothing. */
static bool is_pseudo(const char *type)
{
	static const char *const types[] = {
		"autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2",
		"configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
		"fusectl", "hugetlbfs", "mqueue", "nsfs", "overlay", "proc",
		"pstore", "ramfs", "rpc_pipefs", "securityfs", "selinuxfs",
		"squashfs", "sysfs", "tracefs",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

static bool is_octal(const char *s)
{
	for (int i = 0; i < 3; i++)
		if (s[i] < '0' || s[i] > '7')
			return false;
	return true;
}

/* The kernel writes blanks and backslashes as "\040" and the like. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (*s == '\\' && is_octal(s + 1)) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static bool has_option(char *options, const char *name)
{
	char *save = NULL;
	char *option;

	for (option = strtok_r(options, ",", &save); option;
	     option = strtok_r(NULL, ",", &save))
		if (!strcmp(option, name))
			return true;
	return false;
}

/* A slot for a mount point; of two mounts on one only the later is seen. */
static struct mount *slot(struct sample *s, const char *point)
{
	struct mount *mounts;
	size_t cap;

	for (size_t i = 0; i < s->nr; i++)
		if (!strcmp(s->mounts[i].point, point))
			return &s->mounts[i];
	if (s->nr == s->cap) {
		cap = s->cap ? 2 * s->cap : 16;
		mounts = realloc(s->mounts, cap * sizeof(*mounts));
		if (!mounts)
			return NULL;
		s->mounts = mounts;
		s->cap = cap;
	}
	return &s->mounts[s->nr++];
}

static int take(struct sample *s)
{
	char *cursor, *line;
	int err;

	s->nr = 0;
	err = procfs_read(&s->text, "mounts");
	if (err)
		return err;
	cursor = s->text.data;
	while ((line = text_line(&cursor))) {
		char *device = text_word(&line);
		char *point = text_word(&line);
		char *type = text_word(&line);
		char *options = text_word(&line);
		struct mount *m;

		if (!options)
			return -EPROTO;
		if (is_pseudo(type) || is_below(point, "/proc") ||
		    is_below(point, "/sys") || is_below(point, "/dev"))
			continue;
		unescape(device);
		unescape(point);
		m = slot(s, point);
		if (!m)
			return -ENOMEM;
		*m = (struct mount){
			.device = device,
			.point = point,
			.type = type,
			.read_only = has_option(options, "ro"),
		};
	}
	for (size_t i = 0; i < s->nr; i++)
		s->mounts[i].failed = statvfs(s->mounts[i].point,
					      &s->mounts[i].figures);
	return 0;
}

static struct timespec now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts;
}

static void *run(void *arg)
{
	struct sample fresh = { 0 }, old;
	struct timespec next;

	(void)arg;
	pthread_mutex_lock(&lock);
	while (!stopping) {
		pthread_mutex_unlock(&lock);
		fresh.err = take(&fresh);
		pthread_mutex_lock(&lock);
		old = shown;
		shown = fresh;
		fresh = old;
		shown_at = now();
		pthread_cond_broadcast(&changed);
		next = now();
		next.tv_sec += SAMPLE_SECONDS;
		while (!stopping &&
		       !pthread_cond_timedwait(&changed, &lock, &next))
			;
	}
	pthread_mutex_unlock(&lock);
	buf_free(&fresh.text);
	free(fresh.mounts);
	return NULL;
}

static int start(void)
{
	pthread_condattr_t attr;
	struct timespec until;
	int err;

	/* Setting the clock of the machine must not change the waits. */
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);
	stopping = false;
	err = pthread_create(&thread, NULL, run, NULL);
	if (err)
		return -err;
	until = now();
	until.tv_sec += FIRST_SECONDS;
	pthread_mutex_lock(&lock);
	while (!shown_at.tv_sec && !err)
		err = pthread_cond_timedwait(&changed, &lock, &until);
	pthread_mutex_unlock(&lock);
	return 0;
}

static void stop(void)
{
	bool hangs;

	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&changed);
	hangs = now().tv_sec - shown_at.tv_sec > STALE_SECONDS;
	pthread_mutex_unlock(&lock);
	/* A thread that hangs in the kernel would keep us from ending. */
	if (hangs) {
		pthread_detach(thread);
		return;
	}
	pthread_join(thread, NULL);
	pthread_cond_destroy(&changed);
	buf_free(&shown.text);
	free(shown.mounts);
	shown = (struct sample){ 0 };
	shown_at = (struct timespec){ 0 };
}

enum figure { SIZE, FREE, AVAIL, FILES, FILES_FREE, READ_ONLY, FAILED };

static bool figure(const struct mount *m, enum figure which, double *value)
{
	const struct statvfs *f = &m->figures;
	double block = (double)f->f_frsize;

	switch (which) {
	case READ_ONLY:
		*value = m->read_only;
		return true;
	case FAILED:
		*value = m->failed;
		return true;
	case SIZE:
		*value = (double)f->f_blocks * block;
		break;
	case FREE:
		*value = (double)f->f_bfree * block;
		break;
	case AVAIL:
		*value = (double)f->f_bavail * block;
		break;
	case FILES:
		*value = (double)f->f_files;
		break;
	case FILES_FREE:
		*value = (double)f->f_ffree;
		break;
	}
	return !m->failed;
}

static void put(struct expo *out)
{
	static const struct family families[] = {
		[SIZE] = { "node_filesystem_size_bytes",
			"Size of the file system.", METRIC_GAUGE },
		[FREE] = { "node_filesystem_free_bytes",
			"Free space, with what is kept for root.",
			METRIC_GAUGE },
		[AVAIL] = { "node_filesystem_avail_bytes",
			"Free space for everybody.", METRIC_GAUGE },
		[FILES] = { "node_filesystem_files",
			"Number of inodes.", METRIC_GAUGE },
		[FILES_FREE] = { "node_filesystem_files_free",
			"Number of free inodes.", METRIC_GAUGE },
		[READ_ONLY] = { "node_filesystem_readonly",
			"Whether it is mounted read-only.", METRIC_GAUGE },
		[FAILED] = { "node_filesystem_device_error",
			"Whether its figures could not be read.",
			METRIC_GAUGE },
	};
	double value;

	for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++) {
		expo_family(out, &families[f]);
		for (size_t i = 0; i < shown.nr; i++) {
			const struct mount *m = &shown.mounts[i];

			if (!figure(m, f, &value))
				continue;
			expo_label(out, "device", m->device);
			expo_label(out, "mountpoint", m->point);
			expo_label(out, "fstype", m->type);
			expo_sample(out, value);
		}
	}
}

static int update(struct expo *out, struct buf *scratch)
{
	int err;

	(void)scratch;
	pthread_mutex_lock(&lock);
	err = shown.err;
	if (now().tv_sec - shown_at.tv_sec > STALE_SECONDS)
		err = -ETIMEDOUT;
	else if (!err)
		put(out);
	pthread_mutex_unlock(&lock);
	return err;
}

const struct collector filesystem_collector = {
	.name = "filesystem",
	.start = start,
	.stop = stop,
	.update = update,
};
