/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The request parser of slim-exporter, fed as its server feeds it: with a head
 * that grows, in pieces of the size that the first byte of the input says.
 * Whatever the pieces, the outcome is that of the head in one piece.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

/* More pieces than that find nothing new and make long inputs slow. */
#define PIECES_MAX 64

#define CHECK(condition) do {						\
	if (!(condition)) {						\
		fprintf(stderr, "%d: %s\n", __LINE__, #condition);	\
		abort();						\
	}								\
} while (0)

static bool is_inside(struct span s, const char *p, size_t len)
{
	return (s.p >= p && s.p + s.len <= p + len) ||
	       (s.len == 1 && *s.p == '/');
}

static void check_reply(const struct http_request *req, int outcome)
{
	char out[HTTP_RESPONSE_HEAD_MAX];
	struct http_response res = {
		.status = outcome < 0 ? -outcome : 200,
		.type = accept_openmetrics(&req->accept) ? "a/b" : "c/d",
		.keep_alive = req->keep_alive,
	};
	size_t len = http_response_head(&res, SIZE_MAX, out, sizeof(out));

	CHECK(len && len < sizeof(out) && !memcmp(out + len - 4, "\r\n\r\n", 4));
	CHECK(strcmp(http_reason(res.status), "Unknown"));
}

/* Parses a copy of just that size, so that reading beyond it is noticed. */
static int parse(const uint8_t *data, size_t len, size_t *seen)
{
	struct http_request req = { 0 };
	char *copy = malloc(len ? len : 1);
	int outcome;

	CHECK(copy);
	memcpy(copy, data, len);
	outcome = http_request_parse(&req, (struct span){ copy, len }, seen);
	CHECK(*seen <= len);
	CHECK(outcome >= -505 && (outcome >= 0 || outcome <= -400));
	CHECK(outcome <= (int)len);
	CHECK(outcome || len < HTTP_HEAD_MAX);
	if (outcome > 0)
		CHECK(req.path.len && is_inside(req.path, copy, len));
	if (outcome)
		check_reply(&req, outcome);
	free(copy);
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t seen = 0, at_once = 0, len = 0, step;
	int whole, outcome = 0;

	if (!size)
		return 0;
	step = 1u + *data++;
	size--;
	if (size > HTTP_HEAD_MAX)
		size = HTTP_HEAD_MAX;
	if (step < size / PIECES_MAX)
		step = size / PIECES_MAX;

	whole = parse(data, size, &at_once);
	while (!outcome && len < size) {
		len = size - len > step ? len + step : size;
		outcome = parse(data, len, &seen);
	}
	CHECK(outcome == whole);
	return 0;
}

#ifdef REPLAY
/* For compilers without libFuzzer: each file that is named, once. */
int main(int argc, char *argv[])
{
	static uint8_t data[1 << 16];

	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");

		CHECK(file);
		LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof(data), file));
		fclose(file);
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
#endif
