/* SPDX-License-Identifier: BSD-3-Clause */
#include "collectors.h"
#include "expo.h"
#include "pages.h"
#include "version.h"

static void index_page(const struct http_request *req, struct http_reply *reply)
{
	(void)req;
	reply->type = "text/html; charset=utf-8";
	buf_puts(reply->body,
		 "<!DOCTYPE html>\n"
		 "<html lang=\"en\">\n"
		 "<head><title>slim-exporter</title></head>\n"
		 "<body>\n"
		 "<h1>slim-exporter " SLIM_EXPORTER_VERSION "</h1>\n"
		 "<p><a href=\"/metrics\">Metrics</a></p>\n"
		 "</body>\n"
		 "</html>\n");
}

static void health_page(const struct http_request *req,
			struct http_reply *reply)
{
	(void)req;
	buf_puts(reply->body, "ok\n");
}

static void metrics_page(const struct http_request *req,
			 struct http_reply *reply)
{
	struct expo e;

	(void)req;
	reply->type = "text/plain; version=0.0.4; charset=utf-8";
	expo_init(&e, reply->body);
	collectors_scrape(&e);
}

void pages_handle(const struct http_request *req, struct http_reply *reply)
{
	static const struct {
		const char *path;
		server_handler *handler;
	} pages[] = {
		{ "/", index_page },
		{ "/healthz", health_page },
		{ "/metrics", metrics_page },
	};

	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		if (!http_path_is(req, pages[i].path))
			continue;
		if (req->method == HTTP_OTHER)
			reply->status = 405;
		else
			pages[i].handler(req, reply);
		return;
	}
	reply->status = 404;
}
