/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>

/* The most that is taken of a request line, and of a whole request head. */
#define HTTP_LINE_MAX 2048
#define HTTP_HEAD_MAX 8192

/* Enough for the head of any reply that http_format_head() writes. */
#define HTTP_REPLY_HEAD_MAX 384

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

struct http_request {
	enum http_method method;
	const char *path;	/* in the input, without the query */
	size_t path_len;
	int minor;		/* of HTTP/1.x */
	bool keep_alive;
	bool has_body;
};

/*
 * Reads the request head at the start of buf.  Returns its length, 0 when more
 * bytes are needed, or the status to refuse it with as a negative number.
 */
int http_parse(const char *buf, size_t len, struct http_request *req);

bool http_path_is(const struct http_request *req, const char *path);

/* "Not Found" for 404. */
const char *http_status_text(int status);

/*
 * Writes status line and header fields, with the blank line, and returns their
 * length, or 0 if 'size' is too small.
 */
size_t http_format_head(char *out, size_t size, int status, const char *type,
			size_t body_len, bool keep_alive);

#endif
