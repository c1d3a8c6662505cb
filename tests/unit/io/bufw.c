/* SPDX-License-Identifier: MIT */
/* The buffered writer. */
#include "io_test.h"

static struct sink k;

TEST(making)
{
	char space[4];
	ug_bufw b;
	k = (struct sink){.n = 0};
	CHECK_IS(ug_bufw_init(&b, sink_writer(&k), space, 0), -EINVAL);
	CHECK_IS(ug_bufw_init(&b, sink_writer(&k), NULL, SIZE_MAX), -ENOMEM);
	CHECK_IS(ug_bufw_init(&b, sink_writer(&k), NULL, 0), 0);
	CHECK_IS(ug_bufw_available(&b, NULL), 4096);
	CHECK_IS(ug_bufw_flush(&b), 0);
	CHECK_IS(k.calls, 0);
	ug_bufw_done(&b);
	ug_bufw_done(&b);
	return 0;
}

TEST(writing)
{
	char space[4];
	void *room;
	ug_bufw b;
	k = (struct sink){.n = 0};
	CHECK_IS(ug_bufw_init(&b, sink_writer(&k), space, 4), 0);
	CHECK_IS(ug_bufw_write(&b, NULL, 0), 0);
	CHECK_IS(ug_bufw_write(&b, "ab", 2), 2);
	CHECK_IS(ug_bufw_write(&b, "cd", 2), 2);
	CHECK_IS(k.calls, 0);
	CHECK_IS(ug_bufw_buffered(&b), 4);
	CHECK_IS(ug_bufw_write(&b, "e", 1), 1);
	CHECK_BYTES(k.data, k.n, "abcde");
	CHECK_IS(ug_bufw_buffered(&b), 0);
	CHECK_IS(ug_bufw_write(&b, "fghijk", 6), 6);
	CHECK_BYTES(k.data, k.n, "abcdefghijk");
	CHECK_IS(ug_bufw_available(&b, &room), 4);
	memcpy(room, "lm", 2);
	ug_bufw_commit(&b, 2);
	CHECK_IS(ug_bufw_available(&b, NULL), 2);
	CHECK_IS(ug_bufw_flush(&b), 0);
	CHECK_BYTES(k.data, k.n, "abcdefghijklm");
	CHECK_IS(ug_fprintf(ug_bufw_writer(&b), "%d", 12), 0);
	CHECK_IS(ug_bufw_buffered(&b), 2);
	ug_bufw_done(&b);
	return 0;
}

TEST(errors_stick)
{
	char space[4];
	ug_bufw b;
	k = (struct sink){.fail = -EPIPE, .fail_at = 0};
	CHECK_IS(ug_bufw_init(&b, sink_writer(&k), space, 4), 0);
	CHECK_IS(ug_bufw_write(&b, "abc", 3), 3);
	CHECK_IS(ug_bufw_flush(&b), -EPIPE);
	k.fail = 0;
	CHECK_IS(ug_bufw_flush(&b), -EPIPE);
	CHECK_IS(ug_bufw_write(&b, "a", 1), -EPIPE);
	struct source s = SOURCE("x");
	CHECK_IS(ug_copy(ug_bufw_writer(&b), source_reader(&s), NULL), -EPIPE);
	CHECK_IS(s.at, 0);
	ug_bufw_reset(&b, sink_writer(&k));
	CHECK_IS(ug_bufw_write(&b, "abcde", 5), 5);
	CHECK_BYTES(k.data, k.n, "abcde");
	k.fail = -EIO;
	k.fail_at = 0;
	CHECK_IS(ug_bufw_write(&b, "abcde", 5), -EIO);
	CHECK_IS(ug_bufw_write(&b, "abcde", SIZE_MAX), -EIO);
	return 0;
}

static int refuse(void *self, ug_reader r, int64_t limit, int64_t *count)
{
	char c;
	(void)self, (void)limit;
	*count = ug_read(r, &c, 1);
	return -EPIPE;
}

/* Where dst takes from the reader by itself a failure leaves a hole as well. */
TEST(errors_of_a_copy_stick)
{
	static const struct ug_writer_ops ops = {.size = sizeof ops, .write = sink_write, .read_from = refuse};
	struct source s = SOURCE("abc");
	int64_t went = -1;
	ug_bufw b;
	CHECK_IS(ug_bufw_init(&b, (ug_writer){&ops, NULL}, NULL, 0), 0);
	CHECK_IS(ug_copy(ug_bufw_writer(&b), source_reader(&s), &went), -EPIPE);
	CHECK_IS(went, 1);
	CHECK_IS(ug_bufw_write(&b, "d", 1), -EPIPE);
	CHECK_IS(ug_bufw_flush(&b), -EPIPE);
	CHECK_IS(ug_copy(ug_bufw_writer(&b), source_reader(&s), &went), -EPIPE);
	CHECK_IS(went, 0);
	ug_bufw_done(&b);
	return 0;
}

TEST(from_a_reader)
{
	char space[4];
	ug_bufw b;
	int64_t n;
	struct source s = SOURCE("abcdefghi");
	s.piece = 3;
	k = (struct sink){.n = 0};
	CHECK_IS(ug_bufw_init(&b, sink_writer(&k), space, 4), 0);
	CHECK_IS(ug_bufw_write(&b, "0", 1), 1);
	CHECK_IS(ug_copy_upto(ug_bufw_writer(&b), source_reader(&s), 4, &n), 0);
	CHECK_IS(n, 4);
	CHECK_BYTES(k.data, k.n, "0abc");
	CHECK_IS(ug_copy(ug_bufw_writer(&b), source_reader(&s), &n), 0);
	CHECK_IS(n, 5);
	CHECK_IS(ug_bufw_flush(&b), 0);
	CHECK_BYTES(k.data, k.n, "0abcdefghi");
	/* A writer with a way of its own gets what comes once the buffer is empty. */
	ug_buf into = UG_ZERO;
	s.at = 0;
	ug_bufw_reset(&b, ug_buf_writer(&into));
	CHECK_IS(ug_bufw_write(&b, "0", 1), 1);
	CHECK_IS(ug_copy(ug_bufw_writer(&b), source_reader(&s), &n), 0);
	CHECK_IS(n, 9);
	CHECK_IS(ug_bufw_buffered(&b), 0);
	CHECK_BYTES(ug_buf_bytes(&into), ug_buf_len(&into), "0abcdefghi");
	ug_buf_done(&into);
	/* The reader's error is the copy's, and does not stick. */
	s.at = 0;
	s.fail = -ECONNRESET;
	s.fail_at = 2;
	k = (struct sink){.n = 0};
	ug_bufw_reset(&b, sink_writer(&k));
	CHECK_IS(ug_copy(ug_bufw_writer(&b), source_reader(&s), &n), -ECONNRESET);
	CHECK_IS(n, 2);
	CHECK_IS(ug_bufw_flush(&b), 0);
	CHECK_BYTES(k.data, k.n, "ab");
	return 0;
}

TEST(model)
{
	char *data = pattern(8192, 5);
	for (size_t size = 1; size < 200; size = size * 2 + 1) {
		uint64_t seed = size;
		size_t at = 0, most = 0;
		ug_bufw b;
		k = (struct sink){.piece = 37};
		CHECK_IS(ug_bufw_init(&b, sink_writer(&k), NULL, size), 0);
		while (at < 8000) {
			size_t n = next_random(&seed) % (size + 3);
			n = n < 8000 - at ? n : 8000 - at;
			struct source s = {.data = data + at, .n = n, .piece = 5, .seed = seed};
			switch (next_random(&seed) % 5) {
			case 0:
				CHECK_IS(ug_bufw_flush(&b), 0);
				CHECK_IS(k.n, at);
				break;
			case 1:
				CHECK_IS(ug_copy(ug_bufw_writer(&b), source_reader(&s), NULL), 0);
				at += n;
				break;
			default:
				CHECK_IS(ug_bufw_write(&b, data + at, n), n);
				at += n;
			}
			CHECK_IS(k.n + ug_bufw_buffered(&b), at);
			CHECK(memcmp(k.data, data, k.n) == 0);
			most = most > ug_bufw_buffered(&b) ? most : ug_bufw_buffered(&b);
		}
		CHECK_IS(most, size);
		CHECK_IS(ug_bufw_flush(&b), 0);
		CHECK(k.n == at && memcmp(k.data, data, at) == 0);
		ug_bufw_done(&b);
	}
	free(data);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_making),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_errors_stick),
		cmocka_unit_test(test_errors_of_a_copy_stick),
		cmocka_unit_test(test_from_a_reader),
		cmocka_unit_test(test_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
