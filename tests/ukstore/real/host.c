/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a real store.c wants from the rest of Unikraft, on Linux: an allocator
 * that is the host's, and a main().
 */
#include <stdlib.h>
#include <uk/alloc.h>
#include <uk/plat/bootstrap.h>

#include "driver.h"

static void *host_malloc(struct uk_alloc *a __attribute__((unused)), __sz size)
{
	return malloc(size);
}

static void *host_calloc(struct uk_alloc *a __attribute__((unused)), __sz n,
			 __sz size)
{
	return calloc(n, size);
}

static void host_free(struct uk_alloc *a __attribute__((unused)), void *ptr)
{
	free(ptr);
}

static struct uk_alloc host = {
	.malloc = host_malloc, .calloc = host_calloc, .free = host_free,
};
struct uk_alloc *_uk_alloc_head = &host;

void ukplat_terminate(enum ukplat_gstate request __attribute__((unused)))
{
	abort();
}

int main(int argc, char *argv[])
{
	return vectors(argc, argv);
}
