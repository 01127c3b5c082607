/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not true: %s\n",	\
				__FILE__, __LINE__, #cond);		\
			exit(1);					\
		}							\
	} while (0)

#define CHECK_STR(got, want)						\
	do {								\
		const char *got_ = (got), *want_ = (want);		\
									\
		if (strcmp(got_, want_)) {				\
			fprintf(stderr, "%s:%d: got:\n%s\nwanted:\n%s\n", \
				__FILE__, __LINE__, got_, want_);	\
			exit(1);					\
		}							\
	} while (0)

#endif
