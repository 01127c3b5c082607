/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fetch PORT PATH [COUNT]: ask 127.0.0.1 COUNT times at once, and print the
 * last reply.  A curl for machines that have none.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT_MAX 400

static int dial(const char *port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		perror("fetch");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	int count = argc > 3 ? atoi(argv[3]) : 1;
	int fds[COUNT_MAX];
	char text[4096];
	ssize_t n, all;

	if (argc < 3 || count < 1 || count > COUNT_MAX)
		return 2;
	for (int i = 0; i < count; i++)
		fds[i] = dial(argv[1]);
	snprintf(text, sizeof(text), "GET %s HTTP/1.0\r\n\r\n", argv[2]);
	for (int i = 0; i < count; i++)
		if (send(fds[i], text, strlen(text), MSG_NOSIGNAL) < 0)
			return 1;
	for (int i = 0; i < count; i++) {
		for (all = 0; (n = read(fds[i], text, sizeof(text))) > 0;
		     all += n)
			if (i == count - 1)
				fwrite(text, 1, (size_t)n, stdout);
		if (!all)
			return 1;
		close(fds[i]);
	}
	return 0;
}
