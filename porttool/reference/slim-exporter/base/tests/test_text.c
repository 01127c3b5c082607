/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"
#include "text.h"

static void test_lines(void)
{
	char text[] = "one\n\nthree";
	char *cursor = text;

	CHECK_STR(text_line(&cursor), "one");
	CHECK_STR(text_line(&cursor), "");
	CHECK_STR(text_line(&cursor), "three");
	CHECK(!text_line(&cursor));
	CHECK(!text_line(&cursor));
}

static void test_words(void)
{
	char text[] = "  one\ttwo  ";
	char *cursor = text;

	CHECK_STR(text_word(&cursor), "one");
	CHECK_STR(text_word(&cursor), "two");
	CHECK(!text_word(&cursor));
	CHECK(!text_word(&cursor));
}

static void test_u64(void)
{
	uint64_t v = 42;

	CHECK(!text_u64("", &v));
	CHECK(!text_u64("-1", &v));
	CHECK(!text_u64("+1", &v));
	CHECK(!text_u64(" 1", &v));
	CHECK(!text_u64("1x", &v));
	CHECK(!text_u64("18446744073709551616", &v));
	CHECK(v == 42);
	CHECK(text_u64("18446744073709551615", &v) && v == UINT64_MAX);
	CHECK(text_u64("010", &v) && v == 10);
}

static void test_double(void)
{
	double v = 42;

	CHECK(!text_double("", &v));
	CHECK(!text_double("nan", &v));
	CHECK(!text_double("-inf", &v));
	CHECK(!text_double("1e999", &v));
	CHECK(!text_double("1.5x", &v));
	CHECK(!text_double("-", &v));
	CHECK(v == 42);
	CHECK(text_double("0.25", &v) && v == 0.25);
	CHECK(text_double("-3", &v) && v == -3);
}

int main(void)
{
	test_lines();
	test_words();
	test_u64();
	test_double();
	return 0;
}
