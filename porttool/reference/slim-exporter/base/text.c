/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

char *text_line(char **cursor)
{
	char *line = *cursor;
	char *end;

	if (!*line)
		return NULL;
	end = strchr(line, '\n');
	if (end) {
		*end = '\0';
		*cursor = end + 1;
	} else {
		*cursor = line + strlen(line);
	}
	return line;
}

char *text_word(char **cursor)
{
	char *word = *cursor + strspn(*cursor, " \t");
	size_t len = strcspn(word, " \t");

	if (!len)
		return NULL;
	*cursor = word + len;
	if (word[len]) {
		word[len] = '\0';
		(*cursor)++;
	}
	return word;
}

bool text_u64(const char *s, uint64_t *value)
{
	unsigned long long v;
	char *end;

	/* strtoull() would take blanks and a sign. */
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*end || errno)
		return false;
	*value = v;
	return true;
}

bool text_double(const char *s, double *value)
{
	double v;
	char *end;

	if ((*s < '0' || *s > '9') && *s != '-' && *s != '.')
		return false;
	errno = 0;
	v = strtod(s, &end);
	if (end == s || *end || errno || !isfinite(v))
		return false;
	*value = v;
	return true;
}

bool text_next_u64(char **cursor, uint64_t *value)
{
	const char *word = text_word(cursor);

	return word && text_u64(word, value);
}
