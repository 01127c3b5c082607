/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Cutting up the kernel's text files in place.  'cursor' stands in a
 * NUL-terminated text and moves on; NULL is returned at its end.
 */
char *text_line(char **cursor);
/* Words are parted by spaces and tabs. */
char *text_word(char **cursor);

/* The whole of 's' must be one number; otherwise false, '*value' untouched. */
bool text_u64(const char *s, uint64_t *value);
bool text_double(const char *s, double *value);

/* The next word as a number; false when it is missing or is not one. */
bool text_next_u64(char **cursor, uint64_t *value);

#endif
