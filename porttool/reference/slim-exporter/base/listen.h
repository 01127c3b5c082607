/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LISTEN_H
#define LISTEN_H

#include <stddef.h>
#include <stdint.h>

/* One address of each family is usual; more are not needed. */
#define LISTEN_MAX 4

/*
 * Opens non-blocking listening sockets on every address that 'address' stands
 * for; NULL means all addresses of the machine.  Returns how many, or a
 * negative errno when there is none.
 */
int listen_open(const char *address, uint16_t port, int fds[LISTEN_MAX]);
void listen_close(const int *fds, size_t nr);

#endif
