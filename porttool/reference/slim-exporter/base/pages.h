/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PAGES_H
#define PAGES_H

#include "server.h"

/* Answers "/", "/healthz" and "/metrics". */
server_handler pages_handle;

#endif
