/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOG_H
#define LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above 'level' are not written.  The default is LOG_INFO. */
void log_set_level(enum log_level level);

/*
 * Appends to a file instead of standard error.  Returns 0 or a negative errno.
 */
int log_open(const char *path);

/* Writes one line; may be called from any thread. */
void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
