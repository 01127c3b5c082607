/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"
#include "log.h"

static int open_one(const struct addrinfo *ai)
{
	int fd, err;

	fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, ai->ai_protocol);
	if (fd < 0)
		return -errno;
	/* A restart must not wait for connections in TIME_WAIT. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	/* Otherwise "::" takes the port of 0.0.0.0 away. */
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 },
			   sizeof(int));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, SOMAXCONN)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void log_address(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[64], port[8];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	log_info("listening on %s port %s", host, port);
}

int listen_open(const char *address, uint16_t port, int fds[LISTEN_MAX])
{
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list, *ai;
	int err = -EADDRNOTAVAIL;
	char service[8];
	int nr = 0;
	int fd;

	snprintf(service, sizeof(service), "%u", (unsigned)port);
	fd = getaddrinfo(address, service, &hints, &list);
	if (fd) {
		log_error("%s: %s", address ? address : "*", gai_strerror(fd));
		return err;
	}
	for (ai = list; ai && nr < LISTEN_MAX; ai = ai->ai_next) {
		fd = open_one(ai);
		if (fd < 0) {
			err = fd;
			/* A kernel without IPv6 is nothing to speak of. */
			if (err != -EAFNOSUPPORT && err != -EADDRNOTAVAIL)
				log_error("port %s: %s", service,
					  strerror(-err));
			continue;
		}
		log_address(fd);
		fds[nr++] = fd;
	}
	freeaddrinfo(list);
	return nr ? nr : err;
}

void listen_close(const int *fds, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		close(fds[i]);
}
