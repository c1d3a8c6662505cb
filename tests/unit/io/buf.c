/* SPDX-License-Identifier: MIT */
/* The growing buffer. */
#include "io_test.h"

TEST(empty)
{
	ug_buf b = UG_ZERO;
	CHECK_IS(ug_buf_len(&b), 0);
	CHECK(ug_buf_bytes(&b));
	CHECK_IS(strlen(ug_buf_text(&b)), 0);
	ug_buf_consume(&b, 5);
	ug_buf_truncate(&b, 5);
	CHECK_IS(ug_buf_append(&b, NULL, 0), 0);
	size_t n = 9;
	CHECK(!ug_buf_take(&b, &n));
	CHECK_IS(n, 0);
	char c;
	CHECK_IS(ug_read(ug_buf_reader(&b), &c, 1), 0);
	ug_buf_done(&b);
	return 0;
}

TEST(use)
{
	ug_buf b = UG_ZERO;
	CHECK_IS(ug_buf_append(&b, "hello", 5), 0);
	CHECK_IS(ug_fprintf(ug_buf_writer(&b), ", %s", "world"), 0);
	CHECK(strcmp(ug_buf_text(&b), "hello, world") == 0);
	ug_buf_consume(&b, 7);
	ug_buf_truncate(&b, 3);
	CHECK_BYTES(ug_buf_bytes(&b), ug_buf_len(&b), "wor");
	void *room = NULL;
	CHECK_IS(ug_buf_reserve(&b, 1000, &room), 0);
	memset(room, 'x', 1000);
	ug_buf_commit(&b, 2);
	CHECK(strcmp(ug_buf_text(&b), "worxx") == 0);
	size_t n;
	char *text = ug_buf_take(&b, &n);
	CHECK_IS(n, 5);
	CHECK(strcmp(text, "worxx") == 0);
	free(text);
	CHECK_IS(ug_buf_len(&b), 0);
	CHECK_IS(ug_buf_append(&b, "x", 1), 0);
	ug_buf_reset(&b);
	CHECK_IS(ug_buf_len(&b), 0);
	ug_buf_done(&b);
	return 0;
}

TEST(no_memory)
{
	ug_buf b = UG_ZERO;
	void *room = &b;
	CHECK_IS(ug_buf_append(&b, "abc", 3), 0);
	CHECK_IS(ug_buf_reserve(&b, SIZE_MAX, &room), -ENOMEM);
	CHECK_IS(ug_buf_reserve(&b, PTRDIFF_MAX - 3, &room), -ENOMEM);
	CHECK(room == &b);
	CHECK(strcmp(ug_buf_text(&b), "abc") == 0);
	ug_buf_done(&b);
	return 0;
}

TEST(everything)
{
	char *data = pattern(100000, 3);
	for (size_t piece = 1; piece <= 70000; piece = piece * 7 + 1) {
		struct source s = {.data = data, .n = 100000, .piece = piece, .seed = piece};
		ug_buf b = UG_ZERO;
		CHECK_IS(ug_read_all(source_reader(&s), 0, &b), 0);
		CHECK_IS(ug_buf_len(&b), 100000);
		CHECK(memcmp(ug_buf_bytes(&b), data, 100000) == 0);
		ug_buf_done(&b);
	}
	free(data);
	return 0;
}

TEST(everything_with_limit)
{
	struct source s = SOURCE("abcdef");
	ug_buf b = UG_ZERO;
	s.piece = 4;
	CHECK_IS(ug_read_all(source_reader(&s), 6, &b), 0);
	CHECK_BYTES(ug_buf_bytes(&b), ug_buf_len(&b), "abcdef");
	s.at = 0;
	ug_buf_reset(&b);
	CHECK_IS(ug_read_all(source_reader(&s), 5, &b), UG_ETOOLONG);
	CHECK_BYTES(ug_buf_bytes(&b), ug_buf_len(&b), "abcde");
	s.at = 0;
	s.fail = -EIO;
	s.fail_at = 3;
	CHECK_IS(ug_read_all(source_reader(&s), SIZE_MAX, &b), -EIO);
	CHECK_BYTES(ug_buf_bytes(&b), ug_buf_len(&b), "abcdeabc");
	ug_buf_done(&b);
	return 0;
}

/* Random calls, compared with an array that does the same by moving all each time. */
TEST(model)
{
	static char model[1 << 16], out[1 << 16];
	size_t held = 0;
	uint64_t seed = 42;
	char *data = pattern(4096, 7);
	ug_buf b = UG_ZERO;
	for (int step = 0; step < 20000; step++) {
		size_t n = next_random(&seed) % (step % 100 == 0 ? 4096 : 64);
		switch (next_random(&seed) % 8) {
		case 0:
		case 1:
		case 2:
			if (held + n <= sizeof model) {
				size_t from = next_random(&seed) % (4096 - n + 1);
				CHECK_IS(ug_buf_append(&b, data + from, n), 0);
				memcpy(model + held, data + from, n);
				held += n;
			}
			break;
		case 3:
			ug_buf_consume(&b, n);
			n = n < held ? n : held;
			memmove(model, model + n, held - n);
			held -= n;
			break;
		case 4:
			if (n < held) {
				ug_buf_truncate(&b, held - n);
				held -= n;
			}
			break;
		case 5: {
			ssize_t got = ug_read(ug_buf_reader(&b), out, n);
			CHECK_IS(got, n < held ? n : held);
			CHECK(memcmp(out, model, (size_t)got) == 0);
			memmove(model, model + got, held - (size_t)got);
			held -= (size_t)got;
			break;
		}
		case 6: {
			struct source s = {.data = data, .n = n, .piece = 9, .seed = seed};
			int64_t went;
			if (held + n > sizeof model)
				break;
			CHECK_IS(ug_copy(ug_buf_writer(&b), source_reader(&s), &went), 0);
			CHECK_IS(went, n);
			memcpy(model + held, data, n);
			held += n;
			break;
		}
		default:
			if (step % 50 == 0) {
				ug_buf_reset(&b);
				held = 0;
			}
		}
		CHECK_IS(ug_buf_len(&b), held);
		CHECK(memcmp(ug_buf_text(&b), model, held) == 0);
		CHECK(ug_buf_text(&b)[held] == 0);
	}
	ug_buf_done(&b);
	free(data);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_use),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_everything_with_limit),
		cmocka_unit_test(test_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
