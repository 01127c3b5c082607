/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* A piece of the input; it is not NUL-terminated. */
struct span {
	const char *p;
	size_t len;
};

/* Facts about the head that only matter until it has been read. */
struct fields {
	unsigned hosts;
	bool length_seen;
	unsigned long long length;
	bool coded;
	bool close;
	bool keep_alive;
};

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_token_char(s.p[i]))
			return false;
	return s.len;
}

static bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.p, text, s.len);
}

static bool span_is_nocase(struct span s, const char *text)
{
	return s.len == strlen(text) && !strncasecmp(s.p, text, s.len);
}

static struct span trim(struct span s)
{
	while (s.len && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Takes the next piece of a list, up to 'sep', off the front of 'list'. */
static struct span cut(struct span *list, char sep)
{
	const char *end = list->len ? memchr(list->p, sep, list->len) : NULL;
	struct span item = *list;

	if (end) {
		item.len = (size_t)(end - list->p);
		list->p = end + 1;
		list->len -= item.len + 1;
	} else {
		list->p += list->len;
		list->len = 0;
	}
	return item;
}

/* Takes a line off the front; its end, LF or CRLF, is not part of it. */
static bool cut_line(struct span *in, struct span *line)
{
	if (!in->len || !memchr(in->p, '\n', in->len))
		return false;
	*line = cut(in, '\n');
	if (line->len && line->p[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* Where the head ends, or 0; blank lines before the request do not end it. */
static size_t head_length(const char *buf, size_t len)
{
	struct span in = { buf, len };
	bool begun = false;
	struct span line;

	while (cut_line(&in, &line)) {
		if (!line.len && begun)
			return len - in.len;
		begun = begun || line.len;
	}
	return 0;
}

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static int parse_version(struct span s, int *minor)
{
	if (s.len != 8 || memcmp(s.p, "HTTP/", 5) || s.p[6] != '.' ||
	    s.p[5] < '0' || s.p[5] > '9' || s.p[7] < '0' || s.p[7] > '9')
		return -400;
	if (s.p[5] != '1')
		return -505;
	*minor = s.p[7] - '0';
	return 0;
}

/* Proxies send "http://host/path"; RFC 9112 wants it understood. */
static struct span strip_authority(struct span target)
{
	struct span rest;

	if (target.len < 7 || strncasecmp(target.p, "http://", 7))
		return target;
	rest = (struct span){ target.p + 7, target.len - 7 };
	while (rest.len && *rest.p != '/' && *rest.p != '?') {
		rest.p++;
		rest.len--;
	}
	return rest;
}

static int parse_request_line(struct span line, struct http_request *req)
{
	struct span method = cut(&line, ' ');
	struct span target = cut(&line, ' ');
	struct span path;
	int err;

	if (!is_token(method) || !target.len)
		return -400;
	err = parse_version(line, &req->minor);
	if (err)
		return err;
	if (span_is(method, "GET"))
		req->method = HTTP_GET;
	else if (span_is(method, "HEAD"))
		req->method = HTTP_HEAD;
	else
		req->method = HTTP_OTHER;
	target = strip_authority(target);
	path = cut(&target, '?');
	if (!path.len)
		path = (struct span){ "/", 1 };
	req->path = path.p;
	req->path_len = path.len;
	return 0;
}

static int parse_length(struct span value, struct fields *f)
{
	unsigned long long n = 0;

	if (!value.len || value.len > 18)
		return -400;
	for (size_t i = 0; i < value.len; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return -400;
		n = n * 10 + (unsigned)(value.p[i] - '0');
	}
	/* Two that differ are how requests are smuggled past a proxy. */
	if (f->length_seen && f->length != n)
		return -400;
	f->length_seen = true;
	f->length = n;
	return 0;
}

static void parse_connection(struct span value, struct fields *f)
{
	while (value.len) {
		struct span option = trim(cut(&value, ','));

		if (span_is(option, "close"))
			f->close = true;
		else if (span_is(option, "keep-alive"))
			f->keep_alive = true;
	}
}

static int parse_field(struct span line, struct fields *f)
{
	struct span name, value;

	/* A line folded onto the one before it starts with a blank. */
	if (!memchr(line.p, ':', line.len))
		return -400;
	name = cut(&line, ':');
	if (!is_token(name))
		return -400;
	value = trim(line);
	if (span_is_nocase(name, "Host"))
		f->hosts++;
	else if (span_is_nocase(name, "Connection"))
		parse_connection(value, f);
	else if (span_is_nocase(name, "Content-Length"))
		return parse_length(value, f);
	else if (span_is_nocase(name, "Transfer-Encoding"))
		f->coded = true;
	return 0;
}

static int parse_head(struct span head, struct http_request *req)
{
	struct fields f = { 0 };
	struct span line = { 0 };
	int err;

	while (cut_line(&head, &line) && !line.len)
		;
	if (has_control(line))
		return -400;
	err = parse_request_line(line, req);
	if (err)
		return err;
	while (cut_line(&head, &line) && line.len) {
		err = has_control(line) ? -400 : parse_field(line, &f);
		if (err)
			return err;
	}
	if (f.hosts > 1 || (!f.hosts && req->minor > 0))
		return -400;
	if (f.coded && f.length_seen)
		return -400;
	req->has_body = f.coded || f.length > 0;
	req->keep_alive = !f.close && (req->minor > 0 || f.keep_alive);
	return 0;
}

static bool line_too_long(const char *buf, size_t len)
{
	size_t blank = 0;

	while (blank < len && (buf[blank] == '\r' || buf[blank] == '\n'))
		blank++;
	len -= blank;
	return len > HTTP_LINE_MAX && !memchr(buf + blank, '\n', HTTP_LINE_MAX);
}

int http_parse(const char *buf, size_t len, struct http_request *req)
{
	struct span head = { buf, head_length(buf, len) };
	int err;

	if (line_too_long(buf, len))
		return -414;
	if (!head.len)
		return len >= HTTP_HEAD_MAX ? -431 : 0;
	*req = (struct http_request){ 0 };
	err = parse_head(head, req);
	return err ? err : (int)head.len;
}

bool http_path_is(const struct http_request *req, const char *path)
{
	return span_is((struct span){ req->path, req->path_len }, path);
}

const char *http_status_text(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 414: return "URI Too Long";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return "Unknown";
	}
}

size_t http_format_head(char *out, size_t size, int status, const char *type,
			size_t body_len, bool keep_alive)
{
	int n = snprintf(out, size,
			 "HTTP/1.1 %d %s\r\n"
			 "Content-Type: %s\r\n"
			 "Content-Length: %zu\r\n"
			 "%s"
			 "%s"
			 "Connection: %s\r\n"
			 "\r\n",
			 status, http_status_text(status), type, body_len,
			 status == 405 ? "Allow: GET, HEAD\r\n" : "",
			 status == 503 ? "Retry-After: 1\r\n" : "",
			 keep_alive ? "keep-alive" : "close");

	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}
