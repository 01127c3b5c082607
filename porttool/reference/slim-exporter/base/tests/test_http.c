/* SPDX-License-Identifier: BSD-3-Clause */
#include "http.h"
#include "test.h"

#define HOST "Host: h\r\n"

/*
 * Parses a head as a slow client would send it, byte by byte: nothing but "more
 * is needed" may come before the last byte that decides.
 */
static int parse(const char *text, struct http_request *req)
{
	size_t len = strlen(text);
	int whole = http_parse(text, len, req);
	int got = 0;

	for (size_t i = 0; i <= len && !got; i++)
		got = http_parse(text, i, req);
	CHECK(got == whole);
	return got;
}

static int status(const char *text)
{
	struct http_request req;

	return -parse(text, &req);
}

static struct http_request good(const char *text)
{
	struct http_request req;

	CHECK(parse(text, &req) == (int)strlen(text));
	return req;
}

static void test_request_line(void)
{
	struct http_request req;

	req = good("GET /metrics?x=1 HTTP/1.1\r\n" HOST "\r\n");
	CHECK(req.method == HTTP_GET && req.minor == 1);
	CHECK(http_path_is(&req, "/metrics"));
	CHECK(!http_path_is(&req, "/metric"));
	CHECK(!http_path_is(&req, "/metrics?"));
	req = good("HEAD / HTTP/1.0\r\n\r\n");
	CHECK(req.method == HTTP_HEAD && req.minor == 0);
	req = good("DELETE / HTTP/1.1\r\n" HOST "\r\n");
	CHECK(req.method == HTTP_OTHER);
	/* Methods have case. */
	req = good("get / HTTP/1.0\r\n\r\n");
	CHECK(req.method == HTTP_OTHER);
	req = good("GET http://a.example:80/metrics HTTP/1.1\r\n" HOST "\r\n");
	CHECK(http_path_is(&req, "/metrics"));
	req = good("GET HTTP://a.example HTTP/1.1\r\n" HOST "\r\n");
	CHECK(http_path_is(&req, "/"));
	/* LF alone, and blank lines before the request. */
	req = good("\r\n\nGET /x HTTP/1.0\n\n");
	CHECK(http_path_is(&req, "/x"));

	CHECK(status("GET\r\n\r\n") == 400);
	CHECK(status("GET /\r\n\r\n") == 400);
	CHECK(status(" / HTTP/1.0\r\n\r\n") == 400);
	CHECK(status("GET  HTTP/1.0\r\n\r\n") == 400);
	CHECK(status("GET / / HTTP/1.0\r\n\r\n") == 400);
	CHECK(status("G(T / HTTP/1.0\r\n\r\n") == 400);
	CHECK(status("GET /\x01 HTTP/1.0\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/10.0\r\n\r\n") == 400);
	CHECK(status("GET / http/1.0\r\n\r\n") == 400);
	CHECK(status("PRI * HTTP/2.0\r\n\r\n") == 505);
}

static void test_connection(void)
{
	CHECK(good("GET / HTTP/1.1\r\n" HOST "\r\n").keep_alive);
	CHECK(!good("GET / HTTP/1.0\r\n\r\n").keep_alive);
	CHECK(good("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
	      .keep_alive);
	CHECK(!good("GET / HTTP/1.1\r\n" HOST
		    "Connection:upgrade , close\t\r\n\r\n").keep_alive);
	CHECK(good("GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n")
	      .keep_alive);
}

static void test_fields(void)
{
	CHECK(status("GET / HTTP/1.1\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.1\r\n" HOST HOST "\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\nno colon\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\n: x\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\nx : y\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\nx: y\r\n z: folded\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\nx: \x7f\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\nx: y\rz: w\r\n\r\n") == 400);
	good("GET / HTTP/1.0\r\nx:\r\ny: \t\r\nz: \xc3\xa9\r\n\r\n");
}

static void test_body(void)
{
	CHECK(!good("GET / HTTP/1.0\r\nContent-Length: 0\r\n\r\n").has_body);
	CHECK(good("GET / HTTP/1.0\r\nContent-Length: 5\r\n\r\n").has_body);
	CHECK(good("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
	      .has_body);
	CHECK(status("GET / HTTP/1.0\r\nContent-Length: -5\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\nContent-Length:\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\nContent-Length: 1, 1\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\nContent-Length: 1\r\n"
		     "Content-Length: 2\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\n"
		     "Content-Length: 99999999999999999999\r\n\r\n") == 400);
	CHECK(status("GET / HTTP/1.0\r\nContent-Length: 1\r\n"
		     "Transfer-Encoding: chunked\r\n\r\n") == 400);
}

static void test_bounds(void)
{
	static char text[HTTP_HEAD_MAX + 1];
	struct http_request req;

	memset(text, 'x', HTTP_HEAD_MAX);
	memcpy(text, "GET /", 5);
	CHECK(!http_parse(text, HTTP_LINE_MAX, &req));
	CHECK(http_parse(text, HTTP_LINE_MAX + 1, &req) == -414);

	memcpy(text, "GET / HTTP/1.0\r\nx: ", 19);
	CHECK(!http_parse(text, HTTP_HEAD_MAX - 1, &req));
	CHECK(http_parse(text, HTTP_HEAD_MAX, &req) == -431);
	memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	CHECK(http_parse(text, HTTP_HEAD_MAX, &req) == HTTP_HEAD_MAX);
}

static void test_pipelined(void)
{
	const char *text = "GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n";
	size_t len = strlen(text);
	struct http_request req;

	CHECK(http_parse(text, len, &req) == (int)len / 2);
	CHECK(http_path_is(&req, "/a"));
	CHECK(http_parse(text + len / 2, len / 2, &req) == (int)len / 2);
	CHECK(http_path_is(&req, "/b"));
}

static void test_reply_head(void)
{
	char head[HTTP_REPLY_HEAD_MAX + 1];
	size_t len;

	len = http_format_head(head, sizeof(head), 405, "text/plain", 12, true);
	head[len] = '\0';
	CHECK_STR(head,
		  "HTTP/1.1 405 Method Not Allowed\r\n"
		  "Content-Type: text/plain\r\n"
		  "Content-Length: 12\r\n"
		  "Allow: GET, HEAD\r\n"
		  "Connection: keep-alive\r\n"
		  "\r\n");
	CHECK(!http_format_head(head, len, 405, "text/plain", 12, true));
	len = http_format_head(head, sizeof(head), 503, "text/plain", 0, false);
	head[len] = '\0';
	CHECK(strstr(head, "Retry-After: "));
	CHECK(strstr(head, "Connection: close\r\n"));
}

int main(void)
{
	test_request_line();
	test_connection();
	test_fields();
	test_body();
	test_bounds();
	test_pipelined();
	test_reply_head();
	return 0;
}
