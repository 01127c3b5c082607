/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define BUF_FIRST 1024

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

char *buf_room(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	char *data;

	if (b->failed || n > BUF_MAX - b->len) {
		b->failed = true;
		return NULL;
	}
	if (b->cap - b->len >= n)
		return b->data + b->len;
	while (cap - b->len < n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *p;

	if (!len)
		return;
	p = buf_room(b, len);
	if (!p)
		return;
	memcpy(p, data, len);
	b->len += len;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = 64;
	va_list ap;
	char *p;
	int n;

	/* Twice at most: the first try says how much room is needed. */
	for (;;) {
		p = buf_room(b, room);
		if (!p)
			return;
		va_start(ap, fmt);
		n = vsnprintf(p, room, fmt, ap);
		va_end(ap);
		if (n < 0) {
			b->failed = true;
			return;
		}
		if ((size_t)n < room)
			break;
		room = (size_t)n + 1;
	}
	b->len += (size_t)n;
}
