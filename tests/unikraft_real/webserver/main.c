/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small web server: PUT /files/NAME keeps a file, GET /files/NAME serves it.
 * It uses sockets, files and threads as on any POSIX system, and knows of no
 * exporter. So that a test can tell what is to be seen elsewhere, some paths
 * make it use a known amount of something and answer with a number:
 *
 *   /memory/N   allocates N bytes and keeps them
 *   /open/N     opens the file "kept" N times and keeps it open
 *   /threads/N  starts N threads that wait
 *   /release    gives all of that back
 *   /stat/N     looks up the file "kept" N times
 *   /spin/N     keeps the CPU for N milliseconds; answers with nanoseconds
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PORT 8080
#define WORKERS 4
#define WAITING 16
#define HELD 16
#define KEPT "/kept"

struct request {
	char method[8];
	char path[128];
	size_t length;		/* of the body */
	size_t have;		/* bytes of the body behind the head already */
	char *body;
	char head[2048];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	int connections[WAITING];
	unsigned int count;
} queue = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, { 0 }, 0 };

static struct {
	sem_t over;
	sem_t gone;
	void *memory[HELD];
	unsigned int memories;
	int files[HELD];
	unsigned int open;
	unsigned int running;
} held;

static int send_all(int to, const char *data, size_t length)
{
	ssize_t sent;

	while (length) {
		sent = send(to, data, length, MSG_NOSIGNAL);
		if (sent <= 0)
			return -1;
		data += sent;
		length -= sent;
	}
	return 0;
}

static int answer_head(int to, int status, size_t length)
{
	char head[96];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 %d -\r\nContent-Length: %zu\r\n\r\n", status, length);
	return send_all(to, head, strlen(head));
}

static int answer(int to, int status, long long number)
{
	char text[128], body[24];

	snprintf(body, sizeof(body), "%lld\n", number);
	snprintf(text, sizeof(text),
		 "HTTP/1.1 %d -\r\nContent-Length: %zu\r\n\r\n%s", status,
		 strlen(body), body);
	return send_all(to, text, strlen(text));
}

/* A head of at most one buffer, and what of the body came with it */
static int receive(int from, struct request *r)
{
	char *end = NULL, *field;
	size_t used = 0;
	ssize_t got;

	while (!end) {
		if (used == sizeof(r->head) - 1)
			return -1;
		got = recv(from, r->head + used, sizeof(r->head) - 1 - used, 0);
		if (got <= 0)
			return -1;
		used += got;
		r->head[used] = '\0';
		end = strstr(r->head, "\r\n\r\n");
	}
	r->body = end + 4;
	r->have = used - (r->body - r->head);
	if (sscanf(r->head, "%7s %127s", r->method, r->path) != 2)
		return -1;
	field = strstr(r->head, "Content-Length: ");
	r->length = field && field < end ? strtoul(field + 16, NULL, 10) : 0;
	return r->have <= r->length ? 0 : -1;
}

static int write_all(int file, const char *data, size_t length)
{
	return write(file, data, length) == (ssize_t)length ? 0 : -1;
}

static int put_file(int from, struct request *r, const char *path)
{
	size_t left = r->length - r->have;
	char buffer[4096];
	ssize_t got;
	int file;

	file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (file < 0)
		return answer(from, 500, errno);
	write_all(file, r->body, r->have);
	while (left) {
		got = recv(from, buffer,
			   left < sizeof(buffer) ? left : sizeof(buffer), 0);
		if (got <= 0 || write_all(file, buffer, got)) {
			close(file);
			return -1;
		}
		left -= got;
	}
	close(file);
	return answer(from, 201, r->length);
}

static int get_file(int to, const char *path)
{
	char buffer[4096];
	struct stat about;
	ssize_t got;
	int file, rc;

	file = open(path, O_RDONLY);
	if (file < 0)
		return answer(to, 404, errno);
	rc = fstat(file, &about);
	if (!rc)
		rc = answer_head(to, 200, about.st_size);
	while (!rc && (got = read(file, buffer, sizeof(buffer))) > 0)
		rc = send_all(to, buffer, got);
	close(file);
	return rc;
}

static void *wait_for_release(void *unused)
{
	(void)unused;
	sem_wait(&held.over);
	sem_post(&held.gone);
	return NULL;
}

static long long hold_memory(size_t bytes)
{
	void *memory = held.memories < HELD ? malloc(bytes) : NULL;

	if (!memory)
		return -1;
	memset(memory, 1, bytes);
	held.memory[held.memories++] = memory;
	return bytes;
}

static long long hold_files(unsigned int count)
{
	unsigned int before = held.open;

	while (held.open < HELD && held.open < before + count) {
		held.files[held.open] = open(KEPT, O_RDONLY);
		if (held.files[held.open] < 0)
			break;
		held.open++;
	}
	return held.open - before;
}

static long long hold_threads(unsigned int count)
{
	unsigned int started = 0;
	pthread_t thread;

	while (started < count && held.running < HELD) {
		if (pthread_create(&thread, NULL, wait_for_release, NULL))
			break;
		pthread_detach(thread);
		held.running++;
		started++;
	}
	return started;
}

static long long release_all(void)
{
	long long released = held.memories + held.open + held.running;
	unsigned int i;

	for (i = 0; i < held.running; i++)
		sem_post(&held.over);
	for (; held.running; held.running--)
		sem_wait(&held.gone);
	while (held.open)
		close(held.files[--held.open]);
	while (held.memories)
		free(held.memory[--held.memories]);
	return released;
}

static long long look_up(unsigned int count)
{
	unsigned int found = 0;
	struct stat about;

	while (count--)
		found += !stat(KEPT, &about);
	return found;
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long spin(unsigned int milliseconds)
{
	long long began = now(), elapsed;

	do
		elapsed = now() - began;
	while (elapsed < milliseconds * 1000000LL);
	return elapsed;
}

static int act(int to, const char *path)
{
	unsigned long n = 0;
	char what[16] = "";

	sscanf(path, "/%15[a-z]/%lu", what, &n);
	if (!strcmp(what, "memory"))
		return answer(to, 200, hold_memory(n));
	if (!strcmp(what, "open"))
		return answer(to, 200, hold_files(n));
	if (!strcmp(what, "threads"))
		return answer(to, 200, hold_threads(n));
	if (!strcmp(what, "release"))
		return answer(to, 200, release_all());
	if (!strcmp(what, "stat"))
		return answer(to, 200, look_up(n));
	if (!strcmp(what, "spin"))
		return answer(to, 200, spin(n));
	return answer(to, 404, 0);
}

/* One request after the other, until the client closes */
static void serve(int client)
{
	static const char files[] = "/files/";
	struct request r;
	const char *name;
	int rc;

	do {
		if (receive(client, &r))
			break;
		name = r.path + sizeof(files) - 2;	/* with its slash */
		if (strncmp(r.path, files, sizeof(files) - 1))
			rc = act(client, r.path);
		else if (strchr(name + 1, '/'))
			rc = answer(client, 404, 0);
		else if (!strcmp(r.method, "PUT"))
			rc = put_file(client, &r, name);
		else
			rc = get_file(client, name);
	} while (!rc);
	close(client);
}

static void *work(void *unused)
{
	int client;

	(void)unused;
	for (;;) {
		pthread_mutex_lock(&queue.lock);
		while (!queue.count)
			pthread_cond_wait(&queue.more, &queue.lock);
		client = queue.connections[--queue.count];
		pthread_mutex_unlock(&queue.lock);
		serve(client);
	}
	return NULL;
}

static int listening(void)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr = { htonl(INADDR_ANY) },
	};
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0 || bind(s, (struct sockaddr *)&here, sizeof(here)) ||
	    listen(s, WAITING)) {
		perror("webserver");
		exit(1);
	}
	return s;
}

int main(void)
{
	pthread_t worker;
	int s, client, i;

	sem_init(&held.over, 0, 0);
	sem_init(&held.gone, 0, 0);
	s = listening();
	for (i = 0; i < WORKERS; i++)
		if (pthread_create(&worker, NULL, work, NULL))
			return 1;
	for (;;) {
		client = accept(s, NULL, NULL);
		if (client < 0)
			continue;
		pthread_mutex_lock(&queue.lock);
		if (queue.count < WAITING) {
			queue.connections[queue.count++] = client;
			pthread_cond_signal(&queue.more);
		} else {
			close(client);
		}
		pthread_mutex_unlock(&queue.lock);
	}
}
