/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "server.h"

/* Room beyond the bound for connections that are told 503. */
#define REFUSED_MAX 8
/* Accepted in one turn, so that a flood does not starve those we have. */
#define ACCEPT_MAX 16
/* How long we read on after the last reply, see finish(). */
#define LINGER_MS 1000
/* A new connection counts as idle only after this time without a byte. */
#define GRACE_MS 1000

enum conn_state { READING, WRITING, LINGERING };

/* A reply on its way; 'sent' and 'end' are offsets into buf. */
struct output {
	struct output *next;
	struct buf buf;
	size_t sent;
	size_t end;
};

struct conn {
	struct conn *next;	/* while it is spare */
	struct output *out;	/* while WRITING */
	int64_t since;		/* when the connection got into this state */
	int64_t deadline;
	int fd;
	enum conn_state state;
	bool keep_alive;
	bool served;
	bool unread;		/* the input may hold a request that waits */
	size_t in_len;
	char in[HTTP_HEAD_MAX];
};

/*
 * Connections and outputs are kept when they are done with: memory follows the
 * most that were ever open at once, and a scrape allocates nothing.
 */
struct server {
	const struct server_config *config;
	struct conn **conns;
	size_t nr_conns;
	struct pollfd *fds;	/* those of the connections come first */
	struct conn *spare_conns;
	struct output *spare_outputs;
	int64_t now;		/* milliseconds, monotonic */
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct output *output_get(struct server *s)
{
	struct output *out = s->spare_outputs;

	if (out)
		s->spare_outputs = out->next;
	else
		out = calloc(1, sizeof(*out));
	if (out) {
		buf_reset(&out->buf);
		/* The body comes first; the head is put before it later. */
		if (buf_room(&out->buf, HTTP_REPLY_HEAD_MAX))
			out->buf.len = HTTP_REPLY_HEAD_MAX;
	}
	return out;
}

static void output_put(struct server *s, struct output *out)
{
	out->next = s->spare_outputs;
	s->spare_outputs = out;
}

static void enter(struct server *s, struct conn *c, enum conn_state state,
		  int ms)
{
	c->state = state;
	c->since = s->now;
	c->deadline = s->now + ms;
}

static void conn_close(struct server *s, size_t i)
{
	struct conn *c = s->conns[i];

	close(c->fd);
	if (c->out)
		output_put(s, c->out);
	c->next = s->spare_conns;
	s->spare_conns = c;
	s->conns[i] = s->conns[--s->nr_conns];
}

static struct conn *conn_open(struct server *s, int fd)
{
	struct conn *c = s->spare_conns;

	if (c)
		s->spare_conns = c->next;
	else
		c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	c->out = NULL;
	c->fd = fd;
	c->keep_alive = false;
	c->served = false;
	c->unread = false;
	c->in_len = 0;
	enter(s, c, READING, s->config->idle_ms);
	s->conns[s->nr_conns++] = c;
	return c;
}

/* The functions below return false when the connection is to be closed. */

/*
 * Closing at once, with input unread, would send a reset, which can overtake
 * the reply.  So say that we are done and read until the client is, too.
 */
static bool finish(struct server *s, struct conn *c)
{
	shutdown(c->fd, SHUT_WR);
	enter(s, c, LINGERING, LINGER_MS);
	return true;
}

static bool conn_send(struct server *s, struct conn *c)
{
	struct output *out = c->out;
	ssize_t n;

	while (out->sent < out->end) {
		n = send(c->fd, out->buf.data + out->sent,
			 out->end - out->sent, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ||
			       errno == EINTR;
		out->sent += (size_t)n;
	}
	output_put(s, out);
	c->out = NULL;
	if (!c->keep_alive)
		return finish(s, c);
	c->served = true;
	c->unread = c->in_len;
	enter(s, c, READING,
	      c->in_len ? s->config->head_ms : s->config->idle_ms);
	return true;
}

/* Makes the reply; conn_send() is due next.  'req' is NULL if there is none. */
static bool conn_answer(struct server *s, struct conn *c,
			const struct http_request *req, int status)
{
	struct http_reply reply = {
		.status = status,
		.type = "text/plain; charset=utf-8",
	};
	struct output *out = output_get(s);
	char head[HTTP_REPLY_HEAD_MAX];
	size_t body_len, head_len;

	if (!out)
		return false;
	c->out = out;
	reply.body = &out->buf;
	if (req)
		s->config->handler(req, &reply);
	if (reply.status != 200) {
		out->buf.len = HTTP_REPLY_HEAD_MAX;
		buf_printf(&out->buf, "%d %s\n", reply.status,
			   http_status_text(reply.status));
	}
	if (out->buf.failed)
		return false;
	/* A body would have to be skipped; nobody has a reason to send one. */
	c->keep_alive = req && req->keep_alive && !req->has_body;
	body_len = out->buf.len - HTTP_REPLY_HEAD_MAX;
	head_len = http_format_head(head, sizeof(head), reply.status,
				    reply.type, body_len, c->keep_alive);
	if (!head_len)
		return false;
	out->sent = HTTP_REPLY_HEAD_MAX - head_len;
	out->end = out->buf.len;
	if (req && req->method == HTTP_HEAD)
		out->end = HTTP_REPLY_HEAD_MAX;
	memcpy(out->buf.data + out->sent, head, head_len);
	enter(s, c, WRITING, s->config->write_ms);
	return true;
}

/* Answers what is no request that could be read, and ends the connection. */
static bool conn_refuse(struct server *s, struct conn *c, int status)
{
	return conn_answer(s, c, NULL, status) && conn_send(s, c);
}

static void eat(struct conn *c, size_t len)
{
	c->in_len -= len;
	memmove(c->in, c->in + len, c->in_len);
}

static bool conn_request(struct server *s, struct conn *c)
{
	struct http_request req;
	size_t blank = 0;
	int len;

	/* Blank lines between requests are no request that is due. */
	while (blank < c->in_len &&
	       (c->in[blank] == '\r' || c->in[blank] == '\n'))
		blank++;
	eat(c, blank);
	c->unread = false;
	len = http_parse(c->in, c->in_len, &req);
	if (!len)
		return true;
	if (len < 0)
		return conn_refuse(s, c, -len);
	if (!conn_answer(s, c, &req, 200))
		return false;
	eat(c, (size_t)len);
	return conn_send(s, c);
}

static bool conn_receive(struct server *s, struct conn *c)
{
	ssize_t n;

	n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ||
		       errno == EINTR;
	if (!n)
		return false;
	if (!c->in_len)
		enter(s, c, READING, s->config->head_ms);
	c->in_len += (size_t)n;
	return conn_request(s, c);
}

static bool conn_drain(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in, sizeof(c->in), 0);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
				   errno == EINTR));
}

static bool conn_work(struct server *s, struct conn *c, short events)
{
	if (c->state == READING && c->unread)
		return conn_request(s, c);
	if (!events)
		return true;
	switch (c->state) {
	case READING: return conn_receive(s, c);
	case WRITING: return conn_send(s, c);
	case LINGERING: return conn_drain(c);
	}
	return false;
}

static bool conn_turn(struct server *s, struct conn *c, short events)
{
	if (!conn_work(s, c, events))
		return false;
	if (s->now < c->deadline)
		return true;
	if (c->state == READING && c->in_len)
		return conn_refuse(s, c, 408);
	return false;
}

/* Lower is dropped first; those that must not be dropped are INT64_MAX. */
static int64_t drop_rank(const struct server *s, const struct conn *c)
{
	if (c->state == LINGERING)
		return INT64_MIN + c->since;
	if (c->state == READING && !c->in_len &&
	    (c->served || s->now - c->since >= GRACE_MS))
		return c->since;
	return INT64_MAX;
}

/* Closes the connection that misses it least; false when all are at work. */
static bool make_room(struct server *s)
{
	int64_t lowest = INT64_MAX;
	size_t victim = 0;

	for (size_t i = 0; i < s->nr_conns; i++) {
		int64_t rank = drop_rank(s, s->conns[i]);

		if (rank < lowest) {
			lowest = rank;
			victim = i;
		}
	}
	if (lowest == INT64_MAX)
		return false;
	conn_close(s, victim);
	return true;
}

static void server_accept(struct server *s, int listener)
{
	size_t max = s->config->max_connections;
	struct conn *c;
	int fd;

	for (int i = 0; i < ACCEPT_MAX; i++) {
		if (s->nr_conns >= max + REFUSED_MAX && !make_room(s))
			return;
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK |
			     SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK &&
			    errno != EINTR && errno != ECONNABORTED)
				log_warn("accept: %s", strerror(errno));
			return;
		}
		/* A reply goes out in one piece; waiting gains nothing. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 },
			   sizeof(int));
		while (s->nr_conns >= max && make_room(s))
			;
		c = conn_open(s, fd);
		if (!c)
			close(fd);
		else if (s->nr_conns > max && !conn_refuse(s, c, 503))
			conn_close(s, s->nr_conns - 1);
	}
}

/* Fills in what to wait for; returns how many. */
static nfds_t poll_prepare(struct server *s, int *timeout)
{
	const struct server_config *config = s->config;
	int64_t wake = INT64_MAX;
	nfds_t nr = s->nr_conns;
	bool full;

	for (size_t i = 0; i < s->nr_conns; i++) {
		const struct conn *c = s->conns[i];

		s->fds[i].fd = c->fd;
		s->fds[i].events = c->state == WRITING ? POLLOUT : POLLIN;
		if (c->state == READING && c->unread)
			wake = s->now;
		if (c->deadline < wake)
			wake = c->deadline;
	}
	/* When nobody can be refused any more, let them queue. */
	full = s->nr_conns >= config->max_connections + REFUSED_MAX;
	for (size_t i = 0; i < config->nr_listeners && !full; i++)
		s->fds[nr++] = (struct pollfd){
			.fd = config->listeners[i],
			.events = POLLIN,
		};
	if (config->stop_fd >= 0)
		s->fds[nr++] = (struct pollfd){
			.fd = config->stop_fd,
			.events = POLLIN,
		};
	if (wake == INT64_MAX)
		*timeout = -1;
	else
		*timeout = wake > s->now ? (int)(wake - s->now) : 0;
	return nr;
}

/* One round of waiting and working; 1 when it is time to end. */
static int server_turn(struct server *s)
{
	size_t nr_conns = s->nr_conns;
	nfds_t nr, i;
	int timeout;

	nr = poll_prepare(s, &timeout);
	if (poll(s->fds, nr, timeout) < 0) {
		if (errno == EINTR)
			return 0;
		return -errno;
	}
	s->now = now_ms();
	/* Backwards, because a closed one is replaced by the last. */
	for (i = nr_conns; i-- > 0;)
		if (!conn_turn(s, s->conns[i], s->fds[i].revents))
			conn_close(s, i);
	for (i = nr_conns; i < nr; i++) {
		if (!s->fds[i].revents)
			continue;
		if (s->fds[i].fd == s->config->stop_fd)
			return 1;
		server_accept(s, s->fds[i].fd);
	}
	return 0;
}

static void server_free(struct server *s)
{
	struct output *out;
	struct conn *c;

	while (s->nr_conns)
		conn_close(s, s->nr_conns - 1);
	while ((c = s->spare_conns)) {
		s->spare_conns = c->next;
		free(c);
	}
	while ((out = s->spare_outputs)) {
		s->spare_outputs = out->next;
		buf_free(&out->buf);
		free(out);
	}
	free(s->conns);
	free(s->fds);
}

int server_run(const struct server_config *config)
{
	size_t max = config->max_connections + REFUSED_MAX;
	struct server s = { .config = config, .now = now_ms() };
	int err = -ENOMEM;

	s.conns = calloc(max, sizeof(*s.conns));
	s.fds = calloc(max + config->nr_listeners + 1, sizeof(*s.fds));
	if (s.conns && s.fds)
		while (!(err = server_turn(&s)))
			;
	server_free(&s);
	return err < 0 ? err : 0;
}
