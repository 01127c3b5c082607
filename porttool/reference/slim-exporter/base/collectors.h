/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef COLLECTORS_H
#define COLLECTORS_H

#include <stdbool.h>

#include "expo.h"

/*
 * Turns the collectors in a comma-separated list on or off; "all" is all of
 * them.  False when there is no collector of a name, which is then in
 * '*unknown' up to the next comma.
 */
bool collectors_select(const char *list, bool on, const char **unknown);

/* The names, one after the other; NULL past the last. */
const char *collectors_name(unsigned i);

/* Returns 0 or a negative errno, after which nothing is left running. */
int collectors_start(void);
void collectors_stop(void);

/* Everything that "/metrics" shows. */
void collectors_scrape(struct expo *out);

#endif
