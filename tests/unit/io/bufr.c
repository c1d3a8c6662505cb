/* SPDX-License-Identifier: MIT */
/* The buffered reader: each call at the borders of the buffer, errors that come and go, and a model. */
#include "io_test.h"

TEST(making)
{
	char space[8];
	ug_bufr b;
	struct source s = SOURCE("abc");
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 0), -EINVAL);
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), NULL, SIZE_MAX), -ENOMEM);
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), NULL, 0), 0);
	CHECK_IS(ug_bufr_buffered(&b, NULL), 0);
	char c;
	CHECK_IS(ug_bufr_read(&b, &c, 0), 0);
	CHECK_IS(s.calls, 0);
	CHECK_IS(ug_bufr_read(&b, &c, 1), 1);
	CHECK_IS(ug_bufr_buffered(&b, NULL), 2);
	struct source other = SOURCE("xyz");
	ug_bufr_reset(&b, source_reader(&other));
	CHECK_IS(ug_bufr_unread_byte(&b), -EINVAL);
	CHECK_IS(ug_bufr_read(&b, &c, 1), 1);
	CHECK_IS(c, 'x');
	ug_bufr_done(&b);
	ug_bufr_done(&b);
	return 0;
}

TEST(peeking)
{
	char space[8];
	const void *data = NULL;
	ug_bufr b;
	struct source s = SOURCE("0123456789ab");
	s.piece = 3;
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 8), 0);
	CHECK_IS(ug_bufr_peek(&b, 9, &data), UG_ETOOLONG);
	CHECK(!data);
	CHECK_IS(ug_bufr_peek(&b, 0, &data), 0);
	CHECK_IS(s.calls, 0);
	CHECK_IS(ug_bufr_peek(&b, 4, &data), 4);
	CHECK(memcmp(data, "0123", 4) == 0);
	CHECK_IS(ug_bufr_buffered(&b, &data), 6);
	CHECK_IS(ug_bufr_discard(&b, 5), 5);
	CHECK_IS(ug_bufr_peek(&b, 8, &data), 7);
	CHECK(memcmp(data, "56789ab", 7) == 0);
	CHECK_IS(ug_bufr_peek(&b, 7, &data), 7);
	CHECK_IS(ug_bufr_discard(&b, 100), 7);
	CHECK_IS(ug_bufr_discard(&b, 100), 0);
	CHECK_IS(ug_bufr_discard(&b, -1), -EINVAL);
	CHECK_IS(ug_bufr_peek(&b, 1, &data), 0);
	return 0;
}

TEST(filling)
{
	char space[4];
	const void *data;
	ug_bufr b;
	struct source s = SOURCE("abcdef");
	s.piece = 3;
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 4), 0);
	CHECK_IS(ug_bufr_fill(&b), 3);
	CHECK_IS(ug_bufr_fill(&b), 1);
	CHECK_IS(ug_bufr_fill(&b), UG_ETOOLONG);
	CHECK_IS(ug_bufr_discard(&b, 1), 1);
	CHECK_IS(ug_bufr_fill(&b), 1);
	CHECK_IS(ug_bufr_buffered(&b, &data), 4);
	CHECK(memcmp(data, "bcde", 4) == 0);
	CHECK_IS(ug_bufr_discard(&b, 4), 4);
	CHECK_IS(ug_bufr_fill(&b), 1);
	CHECK_IS(ug_bufr_fill(&b), 0);
	return 0;
}

TEST(bytes)
{
	char space[2];
	unsigned char c = 0;
	ug_bufr b;
	struct source s = SOURCE("\xff"
				 "bcd");
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 2), 0);
	CHECK_IS(ug_bufr_unread_byte(&b), -EINVAL);
	CHECK_IS(ug_bufr_read_byte(&b, &c), 1);
	CHECK_IS(c, 0xff);
	CHECK_IS(ug_bufr_unread_byte(&b), 0);
	CHECK_IS(ug_bufr_unread_byte(&b), -EINVAL);
	CHECK_IS(ug_bufr_read_byte(&b, &c), 1);
	CHECK_IS(c, 0xff);
	CHECK_IS(ug_bufr_read_byte(&b, &c), 1);
	/* Nothing is buffered now; and a read that goes past the buffer can be taken back too. */
	CHECK_IS(ug_bufr_unread_byte(&b), 0);
	CHECK_IS(ug_bufr_read_byte(&b, &c), 1);
	CHECK_IS(c, 'b');
	char two[2];
	CHECK_IS(ug_bufr_read(&b, two, 2), 2);
	CHECK_IS(ug_bufr_unread_byte(&b), 0);
	CHECK_IS(ug_bufr_read_byte(&b, &c), 1);
	CHECK_IS(c, 'd');
	CHECK_IS(ug_bufr_read_byte(&b, &c), 0);
	CHECK_IS(ug_bufr_unread_byte(&b), -EINVAL);
	/* A peek is no read, whatever it answers. */
	const void *data;
	s.at = 0;
	CHECK_IS(ug_bufr_read_byte(&b, &c), 1);
	CHECK_IS(ug_bufr_peek(&b, 3, &data), UG_ETOOLONG);
	CHECK_IS(ug_bufr_unread_byte(&b), -EINVAL);
	/* Where src ends behind the last byte, that can be taken back. */
	ug_buf rest = UG_ZERO;
	CHECK_IS(ug_bufr_append_until(&b, '\n', 0, &rest), 3);
	CHECK_IS(ug_bufr_unread_byte(&b), 0);
	CHECK_IS(ug_bufr_append_until(&b, '\n', 0, &rest), 1);
	CHECK_BYTES(ug_buf_bytes(&rest), ug_buf_len(&rest), "bcdd");
	CHECK_IS(ug_bufr_append_until(&b, '\n', 0, &rest), 0);
	CHECK_IS(ug_bufr_unread_byte(&b), -EINVAL);
	ug_buf_done(&rest);
	return 0;
}

TEST(one_read)
{
	char space[4], big[8];
	ug_bufr b;
	struct source s = SOURCE("abcdefghijkl");
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 4), 0);
	CHECK_IS(ug_bufr_read(&b, big, 1), 1);
	CHECK_IS(s.calls, 1);
	CHECK_IS(ug_bufr_read(&b, big, 8), 3);
	CHECK_IS(s.calls, 1);
	CHECK_IS(ug_bufr_read(&b, big, 8), 8);
	CHECK_IS(s.calls, 2);
	CHECK_BYTES(big, 8, "efghijkl");
	CHECK_IS(ug_bufr_read(&b, big, 1), 0);
	return 0;
}

TEST(until)
{
	char space[8];
	const char *data = NULL;
	ug_bufr b;
	struct source s = SOURCE("ab,c,,01234567,8");
	s.piece = 3;
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 8), 0);
	CHECK_IS(ug_bufr_read_until(&b, ',', &data), 3);
	CHECK(memcmp(data, "ab,", 3) == 0);
	CHECK_IS(ug_bufr_read_until(&b, ',', &data), 2);
	CHECK_IS(ug_bufr_read_until(&b, ',', &data), 1);
	data = NULL;
	CHECK_IS(ug_bufr_read_until(&b, ',', &data), UG_ETOOLONG);
	CHECK(!data);
	CHECK_IS(ug_bufr_read_until(&b, ',', &data), UG_ETOOLONG);
	CHECK_IS(ug_bufr_discard(&b, 1), 1);
	CHECK_IS(ug_bufr_read_until(&b, ',', &data), 8);
	CHECK(memcmp(data, "1234567,", 8) == 0);
	CHECK_IS(ug_bufr_read_until(&b, ',', &data), 1);
	CHECK_IS(*data, '8');
	CHECK_IS(ug_bufr_read_until(&b, ',', &data), 0);
	return 0;
}

TEST(lines)
{
	static const char *const want[] = {"one", "", "t\rwo", "", "\r", "last\r"};
	for (size_t piece = 1; piece < 12; piece++) {
		char space[8];
		const char *line;
		size_t n;
		ug_bufr b;
		struct source s = SOURCE("one\n\nt\rwo\r\n\r\n\r\r\nlast\r");
		s.piece = piece;
		CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 8), 0);
		for (size_t i = 0; i < UG_COUNT_OF(want); i++) {
			CHECK_IS(ug_bufr_read_line(&b, &line, &n), 1);
			CHECK_IS(n, strlen(want[i]));
			CHECK(memcmp(line, want[i], n) == 0);
		}
		CHECK_IS(ug_bufr_read_line(&b, &line, &n), 0);
	}
	return 0;
}

TEST(long_lines)
{
	char space[3];
	ug_bufr b;
	ug_buf into = UG_ZERO;
	struct source s = SOURCE("abcdefgh\nxy\n12345");
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 3), 0);
	CHECK_IS(ug_bufr_append_until(&b, '\n', 9, &into), 9);
	CHECK_BYTES(ug_buf_bytes(&into), ug_buf_len(&into), "abcdefgh\n");
	CHECK_IS(ug_bufr_append_until(&b, '\n', 2, &into), UG_ETOOLONG);
	CHECK_BYTES(ug_buf_bytes(&into), ug_buf_len(&into), "abcdefgh\nxy");
	CHECK_IS(ug_bufr_append_until(&b, '\n', 2, &into), 1);
	s.fail = -ETIMEDOUT;
	s.fail_at = 14;
	ug_buf_reset(&into);
	CHECK_IS(ug_bufr_append_until(&b, '\n', 0, &into), -ETIMEDOUT);
	CHECK_IS(ug_bufr_append_until(&b, '\n', 0, &into), 3);
	CHECK_BYTES(ug_buf_bytes(&into), ug_buf_len(&into), "12345");
	CHECK_IS(ug_bufr_append_until(&b, '\n', 0, &into), 0);
	ug_buf_done(&into);
	return 0;
}

TEST(failures)
{
	char space[8];
	const void *data;
	const char *text;
	ug_bufr b;
	struct source s = SOURCE("abcdef\n");
	s.fail = -ETIMEDOUT;
	s.fail_at = 3;
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 8), 0);
	CHECK_IS(ug_bufr_peek(&b, 5, &data), -ETIMEDOUT);
	CHECK_IS(ug_bufr_buffered(&b, &data), 3);
	s.fail = -ECONNRESET;
	CHECK_IS(ug_bufr_read_until(&b, '\n', &text), -ECONNRESET);
	/* Nothing of the line is lost. */
	CHECK_IS(ug_bufr_read_until(&b, '\n', &text), 7);
	CHECK(memcmp(text, "abcdef\n", 7) == 0);
	s.at = 0;
	s.fail = -EIO;
	s.fail_at = 4;
	CHECK_IS(ug_bufr_discard(&b, 6), 4);
	s.fail = -EIO;
	CHECK_IS(ug_bufr_discard(&b, 6), -EIO);
	CHECK_IS(ug_bufr_discard(&b, 6), 3);
	return 0;
}

TEST(copies)
{
	char space[4];
	ug_bufr b;
	ug_buf into = UG_ZERO;
	struct source s = SOURCE("abcdefghij");
	s.piece = 3;
	int64_t n;
	CHECK_IS(ug_bufr_init(&b, source_reader(&s), space, 4), 0);
	CHECK_IS(ug_bufr_fill(&b), 3);
	ug_reader r = ug_bufr_reader(&b);
	ug_writer w = ug_buf_writer(&into);
	CHECK_IS(ug_copy_upto(w, r, 2, &n), 0);
	CHECK_IS(n, 2);
	CHECK_IS(s.at, 3);
	CHECK_IS(ug_copy_upto(w, r, 4, &n), 0);
	CHECK_IS(n, 4);
	CHECK_IS(s.at, 6);
	CHECK_IS(ug_copy_n(w, r, 5, &n), UG_ESHORT);
	CHECK_IS(n, 4);
	CHECK_BYTES(ug_buf_bytes(&into), ug_buf_len(&into), "abcdefghij");
	ug_buf_done(&into);
	return 0;
}

/* Random calls against an index into the whole text. */
TEST(model)
{
	size_t total = 200000;
	char *data = pattern(total, 11);
	for (size_t i = 0; i < total; i++)
		data[i] = (char)('a' + (unsigned char)data[i] % 26);
	for (size_t size = 1; size <= 300; size = size * 3 + 1) {
		uint64_t seed = size;
		size_t at = 0;
		int can_unread = 0;
		struct source s = {.data = data, .n = total, .piece = 50, .seed = size};
		char *out = malloc(2 * size + 2);
		ug_bufr b;
		CHECK_IS(ug_bufr_init(&b, source_reader(&s), NULL, size), 0);
		while (at < total) {
			size_t n = next_random(&seed) % (2 * size + 2);
			const void *seen;
			const char *text;
			unsigned char c;
			ssize_t got;
			switch (next_random(&seed) % 6) {
			case 0:
				got = ug_bufr_read(&b, out, n);
				CHECK(got >= 0 && (got > 0) == (n > 0));
				CHECK(memcmp(out, data + at, (size_t)got) == 0);
				at += (size_t)got;
				can_unread = got > 0 || (n == 0 && can_unread);
				break;
			case 1:
				got = ug_bufr_peek(&b, n, &seen);
				can_unread = 0;
				if (n > size) {
					CHECK_IS(got, UG_ETOOLONG);
					break;
				}
				CHECK_IS(got, n < total - at ? n : total - at);
				CHECK(memcmp(seen, data + at, (size_t)got) == 0);
				break;
			case 2:
				CHECK_IS(ug_bufr_discard(&b, (int64_t)n), n < total - at ? n : total - at);
				at += n < total - at ? n : total - at;
				can_unread = can_unread || n > 0;
				break;
			case 3:
				CHECK_IS(ug_bufr_read_byte(&b, &c), 1);
				CHECK_IS(c, data[at]);
				at++;
				can_unread = 1;
				break;
			case 4:
				CHECK_IS(ug_bufr_unread_byte(&b), can_unread ? 0 : -EINVAL);
				at -= can_unread ? 1 : 0;
				can_unread = 0;
				break;
			default: {
				char *end = memchr(data + at, 'q', total - at);
				size_t length = end ? (size_t)(end - data) - at + 1 : total - at;
				got = ug_bufr_read_until(&b, 'q', &text);
				if (length > size || (length == size && !end)) {
					CHECK_IS(got, UG_ETOOLONG);
					can_unread = got != UG_ETOOLONG;
					CHECK_IS(ug_bufr_discard(&b, 1), 1);
					length = 1;
				} else {
					CHECK_IS(got, length);
					CHECK(memcmp(text, data + at, length) == 0);
				}
				at += length;
				can_unread = 1;
			}
			}
		}
		CHECK_IS(ug_bufr_read(&b, out, 1), 0);
		ug_bufr_done(&b);
		free(out);
	}
	free(data);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_making),
		cmocka_unit_test(test_peeking),
		cmocka_unit_test(test_filling),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_one_read),
		cmocka_unit_test(test_until),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
