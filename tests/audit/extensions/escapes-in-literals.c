/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

const char *s = "\e[0m\x41\0\?\u00e9"; int c = '\e' + '\'' + L'x' + 'ab' + '"';
int f(void) { return getpid(); } /* here */
