/* SPDX-License-Identifier: BSD-3-Clause */
/* What the sources of the twin share; no library sees it. */
#ifndef __TWIN_H__
#define __TWIN_H__

#include <pthread.h>
#include <uk/store.h>

/* A library's static entries; written by twin.mk in the order of the ids */
struct twin_store_section {
	const struct uk_store_entry *start;
	const struct uk_store_entry *stop;
};
extern const struct twin_store_section twin_store_sections[];
extern const char *const twin_libnames[];

/* See libparam.c; returns the index of the stop sequence, or argc */
int twin_libparam_scan(int argc, char *const argv[]);
void twin_libparam_parse(int argc, char *argv[]);

#endif /* __TWIN_H__ */
