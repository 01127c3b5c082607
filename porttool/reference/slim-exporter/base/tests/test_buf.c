/* SPDX-License-Identifier: BSD-3-Clause */
#include "buf.h"
#include "test.h"

static const char *text(struct buf *b)
{
	buf_putc(b, '\0');
	b->len--;
	return b->data;
}

static void test_add(void)
{
	struct buf b = { 0 };

	buf_puts(&b, "one");
	buf_putc(&b, ' ');
	buf_add(&b, "two...", 3);
	buf_add(&b, NULL, 0);
	buf_printf(&b, " %d", 3);
	CHECK_STR(text(&b), "one two 3");
	buf_free(&b);
	CHECK(!b.data && !b.len && !b.cap);
}

static void test_printf_longer_than_the_first_try(void)
{
	struct buf b = { 0 };

	for (int i = 0; i < 100; i++)
		buf_printf(&b, "%0200d", 7);
	CHECK(b.len == 20000 && !b.failed);
	CHECK(text(&b)[199] == '7' && b.data[19999] == '7');
	buf_free(&b);
}

static void test_reset_keeps_memory(void)
{
	struct buf b = { 0 };
	char *data;

	for (int i = 0; i < 5000; i++)
		buf_putc(&b, 'x');
	data = b.data;
	buf_reset(&b);
	CHECK(!b.len);
	for (int i = 0; i < 5000; i++)
		buf_putc(&b, 'x');
	CHECK(b.data == data);
	buf_free(&b);
}

static void test_bound(void)
{
	struct buf b = { 0 };

	CHECK(buf_room(&b, BUF_MAX));
	CHECK(b.cap <= BUF_MAX);
	CHECK(!b.failed);
	buf_putc(&b, 'x');
	CHECK(!buf_room(&b, BUF_MAX));
	CHECK(b.failed);
	/* A failure stays until the buffer is used for something else. */
	buf_putc(&b, 'y');
	CHECK(b.len == 1);
	buf_reset(&b);
	buf_putc(&b, 'y');
	CHECK(b.len == 1 && !b.failed);
	buf_free(&b);
}

int main(void)
{
	test_add();
	test_printf_longer_than_the_first_try();
	test_reset_keeps_memory();
	test_bound();
	return 0;
}
