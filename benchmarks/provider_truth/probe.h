/* What every probe is compiled with. A probe calls one function and looks for its effect. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The call was refused (errno says how), answered without doing, did what it is for. */
enum verdict { FAILED, NOTHING, WORKS };

/* What the function returned, for the table. */
extern long returned;

/* run is NULL where the compiler does not know the function. */
struct probe {
	const char *name;
	int (*run)(void);
};

extern const struct probe probes[];
extern const size_t probe_count;

/* Whether the linker found the function of a probe. */
int is_linked(size_t number);

#define CALL(expression) (returned = (long)(expression))

/* For functions that set errno, and for those that return the error. */
#define FAIL_IF(condition)         \
	do {                           \
		if (condition)             \
			return FAILED;         \
	} while (0)
#define ERROR_IS(code)             \
	do {                           \
		int code_ = (int)(code);   \
		returned = code_;          \
		if (code_) {               \
			errno = code_;         \
			return FAILED;         \
		}                          \
	} while (0)
#define EFFECT(condition) return (condition) ? WORKS : NOTHING
