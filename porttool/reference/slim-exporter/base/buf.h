/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>

/* No reply and no file that we read comes near; a runaway ends here. */
#define BUF_MAX ((size_t)4 << 20)

/*
 * A byte buffer that grows and never shrinks, so that a buffer that is used
 * again for the same job stops allocating.  Failure to grow is remembered in
 * 'failed' and checked once at the end instead of at every call.
 */
struct buf {
	char *data;
	size_t len;
	size_t cap;
	bool failed;
};

/* Empties the buffer and keeps its memory. */
void buf_reset(struct buf *b);
void buf_free(struct buf *b);

/* Makes room for n more bytes and returns where they go, or NULL. */
char *buf_room(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
