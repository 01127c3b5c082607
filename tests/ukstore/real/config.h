/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration that a real store.c is compiled with, and its host. */
#define CONFIG_HAVE_LIBC 1
#define CONFIG_LIBUKALLOC 1
#define CONFIG_LIBUKDEBUG 1
#define CONFIG_LIBUKDEBUG_ENABLE_ASSERT 1
#define CONFIG_LIBUKLIBID 1
#define CONFIG_LIBUKLOCK 1
#define CONFIG_LIBUKSTORE 1
