/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "listen.h"
#include "log.h"
#include "server.h"
#include "test.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define BIG (2 << 20)

/* Runs the real server in a thread and talks to it through real sockets. */
static struct server_config config;
static int listeners[LISTEN_MAX];
static int stop[2];
static pthread_t thread;
static struct sockaddr_in addr;

static void handler(const struct http_request *req, struct http_reply *reply)
{
	if (http_path_is(req, "/big"))
		for (int i = 0; i < BIG / 16; i++)
			buf_puts(reply->body, "0123456789abcdef");
	else if (http_path_is(req, "/huge"))
		buf_room(reply->body, BUF_MAX);
	else if (http_path_is(req, "/missing"))
		reply->status = 404;
	else
		buf_add(reply->body, req->path, req->path_len);
}

static void *run(void *arg)
{
	(void)arg;
	CHECK(!server_run(&config));
	return NULL;
}

static void begin(size_t max_connections, int idle_ms)
{
	socklen_t len = sizeof(addr);

	CHECK(listen_open("127.0.0.1", 0, listeners) == 1);
	CHECK(!getsockname(listeners[0], (struct sockaddr *)&addr, &len));
	CHECK(!pipe(stop));
	config = (struct server_config){
		.listeners = listeners,
		.nr_listeners = 1,
		.stop_fd = stop[0],
		.handler = handler,
		.max_connections = max_connections,
		.idle_ms = idle_ms,
		.head_ms = 500,
		.write_ms = 60000,
	};
	CHECK(!pthread_create(&thread, NULL, run, NULL));
}

static void end(void)
{
	CHECK(write(stop[1], "", 1) == 1);
	CHECK(!pthread_join(thread, NULL));
	listen_close(listeners, 1);
	close(stop[0]);
	close(stop[1]);
}

static void wait_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static int dial(void)
{
	struct timeval limit = { 5, 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd >= 0);
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	CHECK(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

static void say(int fd, const char *text)
{
	size_t len = strlen(text);

	CHECK(!len || send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len);
}

/* Reads one reply and returns its status; its body goes to 'body'. */
static int hear(int fd, char *body, size_t size, bool head_only)
{
	static char head[1024];
	size_t len = 0, want, got = 0;
	ssize_t n;

	while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4)) {
		CHECK(len < sizeof(head) - 1);
		n = recv(fd, head + len, 1, 0);
		if (n <= 0)
			return 0;
		len++;
	}
	head[len] = '\0';
	CHECK(!memcmp(head, "HTTP/1.1 ", 9));
	CHECK(strstr(head, "\r\nContent-Length: "));
	want = (size_t)atol(strstr(head, "\r\nContent-Length: ") + 18);
	CHECK(want < size);
	while (got < want && !head_only) {
		n = recv(fd, body + got, want - got, 0);
		CHECK(n > 0);
		got += (size_t)n;
	}
	body[got] = '\0';
	return atoi(head + 9);
}

static int ask(int fd, const char *text, const char *want)
{
	char body[256];
	int status;

	say(fd, text);
	status = hear(fd, body, sizeof(body), false);
	if (want)
		CHECK_STR(body, want);
	return status;
}

static bool is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 0;
}

/* True if nothing has come after 'ms'. */
static bool is_quiet(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return !poll(&p, 1, ms);
}

static void test_keep_alive(void)
{
	int fd = dial();

	for (int i = 0; i < 3; i++)
		CHECK(ask(fd, GET("/a"), "/a") == 200);
	CHECK(ask(fd, GET("/missing"), "404 Not Found\n") == 404);
	CHECK(ask(fd, "GET /b HTTP/1.0\r\n\r\n", "/b") == 200);
	CHECK(is_closed(fd));
	close(fd);
}

static void test_head(void)
{
	char body[64];
	int fd = dial();

	say(fd, "HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n" GET("/d"));
	CHECK(hear(fd, body, sizeof(body), true) == 200);
	CHECK(ask(fd, "", "/d") == 200);
	close(fd);
}

static void test_split(void)
{
	const char *text = GET("/slow");
	int fd = dial();

	for (size_t i = 0; i < strlen(text); i++) {
		CHECK(send(fd, text + i, 1, MSG_NOSIGNAL) == 1);
		if (i % 8 == 0)
			wait_ms(1);
	}
	CHECK(ask(fd, "", "/slow") == 200);
	close(fd);
}

static void test_pipeline(void)
{
	char want[16];
	int fd = dial();

	say(fd, "\r\n" GET("/1") GET("/2") "\r\n" GET("/3") "GET /4 HTTP");
	for (int i = 1; i <= 3; i++) {
		snprintf(want, sizeof(want), "/%d", i);
		CHECK(ask(fd, "", want) == 200);
	}
	CHECK(ask(fd, "/1.1\r\nHost: h\r\n\r\n", "/4") == 200);
	/* The client says no more, but wants to hear what it has asked. */
	say(fd, GET("/5") GET("/6"));
	shutdown(fd, SHUT_WR);
	CHECK(ask(fd, "", "/5") == 200);
	CHECK(ask(fd, "", "/6") == 200);
	CHECK(is_closed(fd));
	close(fd);
}

/* More than the socket takes at once, twice, to a client that reads late. */
static void test_big(void)
{
	static char body[BIG + 1];
	int fd = dial(), other = dial();

	say(fd, GET("/big") GET("/big"));
	wait_ms(20);
	CHECK(ask(other, GET("/x"), "/x") == 200);
	for (int i = 0; i < 2; i++) {
		CHECK(hear(fd, body, sizeof(body), false) == 200);
		CHECK(!memcmp(body + BIG - 16, "0123456789abcdef", 16));
	}
	CHECK(ask(fd, GET("/y"), "/y") == 200);
	close(fd);
	close(other);
}

static void test_refusals(void)
{
	static char text[HTTP_HEAD_MAX + 64];
	int fd = dial();

	CHECK(ask(fd, "nonsense\r\n\r\n", "400 Bad Request\n") == 400);
	CHECK(is_closed(fd));
	close(fd);

	fd = dial();
	memset(text, 'x', HTTP_LINE_MAX + 1);
	CHECK(ask(fd, text, NULL) == 414);
	CHECK(is_closed(fd));
	close(fd);

	/* More than is read of it: the reply must get through all the same. */
	fd = dial();
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "GET / HTTP/1.1\r\nx: ", 19);
	CHECK(ask(fd, text, NULL) == 431);
	CHECK(is_closed(fd));
	close(fd);

	fd = dial();
	CHECK(ask(fd, "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
		  "\r\nabc", "/a") == 200);
	CHECK(is_closed(fd));
	close(fd);

	/* A reply that outgrows its buffer is not sent in part. */
	fd = dial();
	CHECK(ask(fd, GET("/huge"), NULL) == 0);
	close(fd);
}

static void test_timeout(void)
{
	char body[64];
	int fd = dial();

	say(fd, "GET /a HT");
	CHECK(is_quiet(fd, 100));
	CHECK(hear(fd, body, sizeof(body), false) == 408);
	CHECK(is_closed(fd));
	close(fd);

	/* A connection that says nothing is not late. */
	fd = dial();
	CHECK(is_quiet(fd, 600));
	CHECK(ask(fd, GET("/a"), "/a") == 200);
	close(fd);
}

static void test_bound(void)
{
	int fd[5];

	for (int i = 0; i < 4; i++)
		fd[i] = dial();
	/* All four are new and may be about to send. */
	fd[4] = dial();
	CHECK(ask(fd[4], "", "503 Service Unavailable\n") == 503);
	close(fd[4]);

	/* The one that has been idle for longest makes room. */
	for (int i = 0; i < 4; i++) {
		CHECK(ask(fd[(i + 2) % 4], GET("/a"), "/a") == 200);
		wait_ms(2);
	}
	fd[4] = dial();
	CHECK(ask(fd[4], GET("/b"), "/b") == 200);
	CHECK(is_closed(fd[2]));
	CHECK(ask(fd[3], GET("/c"), "/c") == 200);
	CHECK(ask(fd[0], GET("/c"), "/c") == 200);
	CHECK(ask(fd[1], GET("/c"), "/c") == 200);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
}

static void test_idle(void)
{
	int fd;

	fd = dial();
	CHECK(ask(fd, GET("/a"), "/a") == 200);
	CHECK(is_quiet(fd, 50));
	CHECK(is_closed(fd));
	close(fd);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	begin(16, 60000);
	test_keep_alive();
	test_head();
	test_split();
	test_pipeline();
	test_big();
	test_refusals();
	test_timeout();
	end();
	begin(4, 60000);
	test_bound();
	end();
	begin(4, 400);
	test_idle();
	end();
	return 0;
}
