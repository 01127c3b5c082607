/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>

#include "expo.h"
#include "test.h"

static struct buf out;
static struct expo expo;

static void begin(void)
{
	buf_reset(&out);
	expo_init(&expo, &out);
}

static const char *written(void)
{
	buf_putc(&out, '\0');
	return out.data;
}

static void test_families(void)
{
	static const struct family a = { "a_total", "Some a.", METRIC_COUNTER };
	static const struct family b = { "b", "Some b.", METRIC_GAUGE };
	static const struct family c = { "c", "Never seen.", METRIC_GAUGE };

	begin();
	expo_family(&expo, &a);
	expo_label(&expo, "x", "1");
	expo_label(&expo, "y", "2");
	expo_sample(&expo, 3);
	expo_label(&expo, "x", "2");
	expo_sample(&expo, 4);
	expo_family(&expo, &c);
	expo_single(&expo, &b, 0.5);
	CHECK_STR(written(),
		  "# HELP a_total Some a.\n"
		  "# TYPE a_total counter\n"
		  "a_total{x=\"1\",y=\"2\"} 3\n"
		  "a_total{x=\"2\"} 4\n"
		  "# HELP b Some b.\n"
		  "# TYPE b gauge\n"
		  "b 0.5\n");
}

static void test_escapes(void)
{
	static const struct family f = {
		"f", "A \"b\" \\ c\nd", METRIC_GAUGE,
	};

	begin();
	expo_family(&expo, &f);
	expo_label(&expo, "l", "A \"b\" \\ c\nd \xc3\xa9");
	expo_sample(&expo, 1);
	CHECK_STR(written(),
		  "# HELP f A \"b\" \\\\ c\\nd\n"
		  "# TYPE f gauge\n"
		  "f{l=\"A \\\"b\\\" \\\\ c\\nd \xc3\xa9\"} 1\n");
}

static void test_values(void)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -1, "-1" },
		{ 9007199254740991.0, "9007199254740991" },
		{ 18446744073709551616.0, "1.8446744073709552e+19" },
		{ 0.1, "0.1" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 2.0 / 3, "0.6666666666666666" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1e-9, "1e-09" },
		{ INFINITY, "+Inf" },
		{ -INFINITY, "-Inf" },
		{ NAN, "NaN" },
	};
	static const struct family f = { "f", "F.", METRIC_GAUGE };
	char want[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		begin();
		expo_single(&expo, &f, cases[i].value);
		snprintf(want, sizeof(want), "\nf %s\n", cases[i].text);
		if (!strstr(written(), want))
			CHECK_STR(out.data, want);
		if (!isnan(cases[i].value))
			CHECK(strtod(strrchr(out.data, ' '), NULL) ==
			      cases[i].value);
	}
}

int main(void)
{
	test_families();
	test_escapes();
	test_values();
	buf_free(&out);
	return 0;
}
