/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uklibparam: `library.parameter=value`. Lists in brackets and the `help`
 * command are not here. A value that does not fit is reported and leaves the
 * default, as in Unikraft.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uk/arch/limits.h>
#include <uk/libparam.h>
#include <uk/print.h>

#include "twin.h"

extern const struct twin_param __start_twin_params[] __weak;
extern const struct twin_param __stop_twin_params[] __weak;

static const struct {
	__u64 max;
	__u64 max_negative;
	size_t size;
} number_types[] = {
	/* A bool is stored as an int: trap for whoever gives a C bool */
	[TWIN_PARAM_bool] = { __U64_MAX, 0, sizeof(int) },
	[TWIN_PARAM___s8] = { __S8_MAX, 1ULL << 7, 1 },
	[TWIN_PARAM___u8] = { __U8_MAX, 0, 1 },
	[TWIN_PARAM___s16] = { __S16_MAX, 1ULL << 15, 2 },
	[TWIN_PARAM___u16] = { __U16_MAX, 0, 2 },
	[TWIN_PARAM___s32] = { __S32_MAX, 1ULL << 31, 4 },
	[TWIN_PARAM___u32] = { __U32_MAX, 0, 4 },
	[TWIN_PARAM___s64] = { __S64_MAX, 1ULL << 63, 8 },
	[TWIN_PARAM___u64] = { __U64_MAX, 0, 8 },
	[TWIN_PARAM___uptr] = { UINTPTR_MAX, 0, sizeof(__uptr) },
};

static void store(const struct twin_param *p, __u64 value)
{
	__u8 v8 = (__u8)value;
	__u16 v16 = (__u16)value;
	__u32 v32 = (__u32)value;

	switch (number_types[p->type].size) {
	case 1:
		memcpy(p->addr, &v8, sizeof(v8));
		break;
	case 2:
		memcpy(p->addr, &v16, sizeof(v16));
		break;
	case 4:
		memcpy(p->addr, &v32, sizeof(v32));
		break;
	default:
		memcpy(p->addr, &value, sizeof(value));
	}
}

static int bool_word(const char *value)
{
	static const char *const on[] = { "on", "yes", "true" };
	static const char *const off[] = { "off", "no", "false" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(on); i++) {
		if (!strcmp(value, on[i]))
			return 1;
		if (!strcmp(value, off[i]))
			return 0;
	}

	return -1;
}

static void set_number(const struct twin_param *p, const char *value)
{
	bool negative = *value == '-';
	__u64 number;
	char *end;

	errno = 0;
	number = strtoull(value + negative, &end, 0);
	if (!isdigit((unsigned char)value[negative]) || *end) {
		uk_pr_err("%s.%s: '%s' is not a number\n",
			  p->prefix, p->name, value);
		return;
	}
	if (errno || number > (negative ? number_types[p->type].max_negative
					: number_types[p->type].max)) {
		uk_pr_err("%s.%s: %s is out of range\n",
			  p->prefix, p->name, value);
		return;
	}

	if (p->type == TWIN_PARAM_bool)
		number = number != 0;
	store(p, negative ? -number : number);
}

static void set_param(const struct twin_param *p, char *value)
{
	if (p->type == TWIN_PARAM_charp) {
		if (value)
			memcpy(p->addr, &value, sizeof(value));
		else
			uk_pr_warn("%s.%s needs a value\n", p->prefix, p->name);
	} else if (p->type == TWIN_PARAM_bool &&
		   (!value || bool_word(value) >= 0)) {
		store(p, value ? (__u64)bool_word(value) : 1);
	} else if (!value || !*value) {
		uk_pr_err("%s.%s needs a value\n", p->prefix, p->name);
	} else {
		set_number(p, value);
	}
}

static void parse_arg(char *arg)
{
	const struct twin_param *p;
	char *name = strchr(arg, '.');
	char *value;

	if (!name)
		return;
	*name++ = '\0';
	value = strchr(name, '=');
	if (value)
		*value++ = '\0';

	for (p = __start_twin_params; p != __stop_twin_params; p++)
		if (!strcmp(p->prefix, arg) && !strcmp(p->name, name)) {
			set_param(p, value);
			return;
		}
	uk_pr_warn("Parameter %s.%s: Unknown or invalid\n", arg, name);
}

int twin_libparam_scan(int argc, char *const argv[])
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			break;

	return i;
}

void twin_libparam_parse(int argc, char *argv[])
{
	int i;

	for (i = 0; i < argc; i++)
		parse_arg(argv[i]);
}
