/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ukalloc. Free memory is the host's (MemFree in /proc/meminfo). What was
 * allocated is what the twin's own code and the libraries asked malloc() for:
 * the linker sends their calls here (--wrap, see twin.mk). What libc allocates
 * for itself is not seen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <uk/alloc.h>
#include <uk/alloc_store.h>
#include <uk/arch/limits.h>
#include <uk/plat/time.h>
#include <uk/store.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t nmemb, size_t size);
void *__real_realloc(void *ptr, size_t size);
void __real_free(void *ptr);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nmemb, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static struct uk_alloc_stats stats;
static pthread_mutex_t stats_lock = PTHREAD_MUTEX_INITIALIZER;

static void count_alloc(void *ptr, size_t size)
{
	size_t usable = ptr ? malloc_usable_size(ptr) : 0;

	pthread_mutex_lock(&stats_lock);
	if (ptr) {
		stats.tot_nb_allocs++;
		stats.cur_nb_allocs++;
		stats.cur_mem_use += (ssize_t)usable;
		stats.last_alloc_size = usable;
		stats.max_nb_allocs = MAX(stats.max_nb_allocs,
					  stats.cur_nb_allocs);
		stats.max_mem_use = MAX(stats.max_mem_use, stats.cur_mem_use);
		stats.max_alloc_size = MAX(stats.max_alloc_size, usable);
		if (stats.tot_nb_allocs == 1 || usable < stats.min_alloc_size)
			stats.min_alloc_size = usable;
	} else if (size) {
		stats.nb_enomem++;
	}
	pthread_mutex_unlock(&stats_lock);
}

static void count_free(size_t usable)
{
	pthread_mutex_lock(&stats_lock);
	stats.tot_nb_frees++;
	stats.cur_nb_allocs--;
	stats.cur_mem_use -= (ssize_t)usable;
	pthread_mutex_unlock(&stats_lock);
}

void *__wrap_malloc(size_t size)
{
	void *ptr = __real_malloc(size);

	count_alloc(ptr, size);
	return ptr;
}

void *__wrap_calloc(size_t nmemb, size_t size)
{
	void *ptr = __real_calloc(nmemb, size);

	count_alloc(ptr, nmemb ? size : 0);
	return ptr;
}

void *__wrap_realloc(void *old, size_t size)
{
	size_t usable = old ? malloc_usable_size(old) : 0;
	void *ptr = __real_realloc(old, size);

	if (old && (ptr || !size))
		count_free(usable);
	if (ptr || size)
		count_alloc(ptr, size);
	return ptr;
}

void __wrap_free(void *ptr)
{
	if (!ptr)
		return;
	count_free(malloc_usable_size(ptr));
	__real_free(ptr);
}

char *__wrap_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = __wrap_malloc(len + 1);

	if (copy) {
		memcpy(copy, s, len);
		copy[len] = '\0';
	}
	return copy;
}

char *__wrap_strdup(const char *s)
{
	return __wrap_strndup(s, strlen(s));
}

static void *default_malloc(struct uk_alloc *a __unused, __sz size)
{
	return __wrap_malloc(size);
}

static void *default_calloc(struct uk_alloc *a __unused, __sz nmemb, __sz size)
{
	return __wrap_calloc(nmemb, size);
}

static void *default_realloc(struct uk_alloc *a __unused, void *ptr, __sz size)
{
	return __wrap_realloc(ptr, size);
}

static void default_free(struct uk_alloc *a __unused, void *ptr)
{
	__wrap_free(ptr);
}

struct uk_alloc *uk_alloc_get_default(void)
{
	static struct uk_alloc a = {
		.malloc = default_malloc,
		.calloc = default_calloc,
		.realloc = default_realloc,
		.free = default_free,
	};

	return &a;
}

void *uk_palloc(struct uk_alloc *a __unused, unsigned long num_pages)
{
	return __wrap_malloc(num_pages * __PAGE_SIZE);
}

/* One scrape asks several times: it reads the file once */
#define MAX_AGE_NS	5000000

static int read_mem_free(__u64 *bytes)
{
	uint64_t kib = 0;
	char line[128];
	int rc = -EIO;
	FILE *f;

	f = fopen("/proc/meminfo", "re");
	if (!f)
		return -errno;
	while (rc && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %" SCNu64 " kB", &kib) == 1)
			rc = 0;
	fclose(f);

	*bytes = kib * 1024;
	return rc;
}

static int mem_free(__u64 *bytes)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static __u64 known;
	static __nsec read_at;
	__nsec now = ukplat_monotonic_clock();
	int rc = 0;

	pthread_mutex_lock(&lock);
	if (!read_at || now - read_at > MAX_AGE_NS)
		rc = read_mem_free(&known);
	if (!rc) {
		read_at = now;
		*bytes = known;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

__ssz uk_alloc_availmem(struct uk_alloc *a __unused)
{
	__u64 bytes;
	int rc = mem_free(&bytes);

	return rc ? rc : (__ssz)bytes;
}

/* Nobody knows on a host; the kernel would find it */
__ssz uk_alloc_maxalloc(struct uk_alloc *a)
{
	return uk_alloc_availmem(a);
}

__sz uk_alloc_availmem_total(void)
{
	__u64 bytes;

	return mem_free(&bytes) ? 0 : bytes;
}

void uk_alloc_stats_get_global(struct uk_alloc_stats *dst)
{
	pthread_mutex_lock(&stats_lock);
	*dst = stats;
	pthread_mutex_unlock(&stats_lock);
}

void uk_alloc_stats_get(struct uk_alloc *a __unused,
			struct uk_alloc_stats *dst)
{
	uk_alloc_stats_get_global(dst);
}

struct uk_alloc_libstats_entry twin_libstats = { .libname = "libtwin" };

#if CONFIG_LIBUKALLOC_IFSTATS
static int get_cur_mem_free(void *cookie __unused, __u64 *out)
{
	return mem_free(out);
}
UK_STORE_STATIC_ENTRY(UK_ALLOC_STATS_CUR_MEM_FREE, cur_mem_free, u64,
		      get_cur_mem_free, NULL);
#endif

#if CONFIG_LIBUKALLOC_IFSTATS_GLOBAL
#define ENTRY(id, field, type)						\
	static int get_##field(void *cookie __unused, __##type *out)	\
	{								\
		pthread_mutex_lock(&stats_lock);			\
		*out = (__##type)stats.field;				\
		pthread_mutex_unlock(&stats_lock);			\
		return 0;						\
	}								\
	UK_STORE_STATIC_ENTRY(id, field, type, get_##field, NULL)

ENTRY(UK_ALLOC_STATS_LAST_ALLOC_SIZE, last_alloc_size, u64);
ENTRY(UK_ALLOC_STATS_MAX_ALLOC_SIZE, max_alloc_size, u64);
ENTRY(UK_ALLOC_STATS_MIN_ALLOC_SIZE, min_alloc_size, u64);
ENTRY(UK_ALLOC_STATS_TOTAL_NUM_ALLOCS, tot_nb_allocs, u64);
ENTRY(UK_ALLOC_STATS_TOTAL_NUM_FREES, tot_nb_frees, u64);
ENTRY(UK_ALLOC_STATS_CUR_NUM_ALLOCS, cur_nb_allocs, s64);
ENTRY(UK_ALLOC_STATS_MAX_NUM_ALLOCS, max_nb_allocs, s64);
ENTRY(UK_ALLOC_STATS_CUR_MEM_USE, cur_mem_use, s64);
ENTRY(UK_ALLOC_STATS_MAX_MEM_USE, max_mem_use, s64);
ENTRY(UK_ALLOC_STATS_NUM_ENOMEM, nb_enomem, u64);
#endif
