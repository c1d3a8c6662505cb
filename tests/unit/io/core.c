/* SPDX-License-Identifier: MIT */
/* What every reader and writer is used by, and the small wrappers. */
#include "io_test.h"

static ssize_t too_much_read(void *self, void *buf, size_t n)
{
	(void)self;
	memset(buf, 'x', n);
	return (ssize_t)n + 1;
}

static ssize_t too_much_write(void *self, const void *buf, size_t n)
{
	(void)self, (void)buf;
	return (ssize_t)n + 1;
}

static ssize_t no_write(void *self, const void *buf, size_t n)
{
	(void)self, (void)buf, (void)n;
	return 0;
}

TEST(reading)
{
	char buf[16];
	struct source s = SOURCE("abcdef");
	s.piece = 2;
	ug_reader r = source_reader(&s);
	CHECK_IS(ug_read(r, buf, 0), 0);
	CHECK_IS(s.calls, 0);
	CHECK_IS(ug_read(r, buf, 16), 2);
	CHECK_IS(ug_read(r, buf, 1), 1);
	CHECK_IS(ug_read_full(r, buf, 3), 3);
	CHECK_BYTES(buf, 3, "def");
	CHECK_IS(ug_read(r, buf, 16), 0);
	CHECK_IS(ug_reader_close(r), 0);
	CHECK_IS(s.closed, 1);
	CHECK_IS(ug_read((ug_reader){NULL, NULL}, buf, 1), -EINVAL);
	CHECK_IS(ug_reader_close((ug_reader){NULL, NULL}), 0);
	static const struct ug_reader_ops bad = {.size = sizeof bad, .read = too_much_read};
	CHECK_IS(ug_read((ug_reader){&bad, NULL}, buf, 4), -EIO);
	return 0;
}

TEST(reading_units)
{
	char buf[16];
	struct source s = SOURCE("abcdef");
	s.piece = 1;
	ug_reader r = source_reader(&s);
	CHECK_IS(ug_read_at_least(r, buf, 3, 4), -EINVAL);
	CHECK_IS(ug_read_at_least(r, buf, 3, 0), 0);
	CHECK_IS(s.at, 0);
	CHECK_IS(ug_read_at_least(r, buf, 16, 4), 4);
	CHECK_IS(ug_read_full(r, buf, 3), UG_ESHORT);
	CHECK_IS(ug_read_full(r, buf, 3), 0);
	s = SOURCE("abcdef");
	s.fail = -ECONNRESET;
	s.fail_at = 2;
	CHECK_IS(ug_read_full(r, buf, 3), -ECONNRESET);
	CHECK_IS(ug_read_full(r, buf, 4), 4);
	CHECK_BYTES(buf, 4, "cdef");
	return 0;
}

TEST(writing)
{
	static struct sink s;
	s = (struct sink){.piece = 3};
	ug_writer w = sink_writer(&s);
	CHECK_IS(ug_write(w, "abcdefgh", 8), 8);
	CHECK_IS(s.calls, 3);
	CHECK_IS(ug_write(w, NULL, 0), 0);
	CHECK_IS(s.calls, 3);
	CHECK_IS(ug_write_text(w, "ij"), 2);
	CHECK_BYTES(s.data, s.n, "abcdefghij");
	s.fail = -EPIPE;
	s.fail_at = 12;
	CHECK_IS(ug_write_text(w, "klm"), -EPIPE);
	CHECK_IS(ug_writer_close(w), -EIO);
	CHECK_IS(s.closed, 1);
	CHECK_IS(ug_write((ug_writer){NULL, NULL}, "a", 1), -EINVAL);
	CHECK_IS(ug_write(w, "a", (size_t)PTRDIFF_MAX + 1), -EINVAL);
	CHECK_IS(ug_writer_close((ug_writer){NULL, NULL}), 0);
	static const struct ug_writer_ops idle = {.size = sizeof idle, .write = no_write};
	CHECK_IS(ug_write((ug_writer){&idle, NULL}, "a", 1), UG_ENOPROGRESS);
	static const struct ug_writer_ops bad = {.size = sizeof bad, .write = too_much_write};
	CHECK_IS(ug_write((ug_writer){&bad, NULL}, "a", 1), UG_ENOPROGRESS);
	return 0;
}

TEST(limits)
{
	char buf[16];
	struct source s = SOURCE("abcdef");
	struct ug_limit l;
	ug_reader r = ug_limit_reader(&l, source_reader(&s), 4);
	CHECK_IS(ug_read(r, buf, 3), 3);
	CHECK_IS(l.left, 1);
	CHECK_IS(ug_read(r, buf, 16), 1);
	CHECK_IS(ug_read(r, buf, 16), 0);
	CHECK_IS(s.at, 4);
	int calls = s.calls;
	CHECK_IS(ug_copy(ug_discard(), r, NULL), 0);
	CHECK_IS(s.calls, calls);
	r = ug_limit_reader(&l, source_reader(&s), -1);
	CHECK_IS(ug_read(r, buf, 16), 0);
	r = ug_limit_reader(&l, source_reader(&s), 100);
	CHECK_IS(ug_read_full(r, buf, 3), UG_ESHORT);
	CHECK_IS(l.left, 98);
	return 0;
}

TEST(counts)
{
	char buf[4];
	struct source s = SOURCE("abcdef");
	static struct sink k;
	k = (struct sink){.piece = 1};
	struct ug_count in, out;
	ug_reader r = ug_count_reader(&in, source_reader(&s));
	ug_writer w = ug_count_writer(&out, sink_writer(&k));
	CHECK_IS(ug_read(r, buf, 2), 2);
	CHECK_IS(in.bytes, 2);
	CHECK_IS(ug_write(w, buf, 2), 2);
	CHECK_IS(out.bytes, 2);
	int64_t n;
	CHECK_IS(ug_copy(w, r, &n), 0);
	CHECK_IS(n, 4);
	CHECK_IS(in.bytes, 6);
	CHECK_IS(out.bytes, 6);
	CHECK_BYTES(k.data, k.n, "abcdef");
	/* On failure the counters know what went. */
	s = SOURCE("abcdef");
	s.piece = 2;
	s.fail = -EIO;
	s.fail_at = 5;
	k = (struct sink){.n = 0};
	CHECK_IS(ug_copy(w, r, &n), -EIO);
	CHECK_IS(n, 5);
	CHECK_IS(in.bytes, 11);
	CHECK_IS(out.bytes, 11);
	return 0;
}

TEST(sections)
{
	char buf[16];
	struct ug_memory m;
	struct ug_section s;
	ug_reader_at at = ug_memory_reader_at(&m, "0123456789", 10);
	CHECK_IS(ug_read_at(at, buf, 4, 8), 2);
	CHECK_BYTES(buf, 2, "89");
	CHECK_IS(ug_read_at(at, buf, 4, 10), 0);
	CHECK_IS(ug_read_at(at, buf, 4, INT64_MAX), 0);
	CHECK_IS(ug_read_at(at, buf, 4, -1), -EINVAL);
	CHECK_IS(ug_read_at((ug_reader_at){NULL, NULL}, buf, 4, 0), -EINVAL);
	ug_reader r = ug_section_reader(&s, at, 3, 4);
	CHECK_IS(ug_read(r, buf, 3), 3);
	CHECK_IS(ug_read(r, buf + 3, 13), 1);
	CHECK_BYTES(buf, 4, "3456");
	CHECK_IS(ug_read(r, buf, 3), 0);
	/* Beyond the end, and with numbers that make no sense. */
	r = ug_section_reader(&s, at, 8, INT64_MAX);
	CHECK_IS(ug_read_full(r, buf, 3), UG_ESHORT);
	r = ug_section_reader(&s, at, -5, 2);
	CHECK_IS(ug_read(r, buf, 16), 2);
	CHECK_BYTES(buf, 2, "01");
	r = ug_section_reader(&s, at, 0, -1);
	CHECK_IS(ug_read(r, buf, 16), 0);
	ug_buf b = UG_ZERO;
	int64_t n;
	r = ug_section_reader(&s, at, 2, 5);
	CHECK_IS(ug_copy_upto(ug_buf_writer(&b), r, 3, &n), 0);
	CHECK_IS(n, 3);
	CHECK_IS(ug_copy(ug_buf_writer(&b), r, &n), 0);
	CHECK_IS(n, 2);
	CHECK_BYTES(ug_buf_bytes(&b), ug_buf_len(&b), "23456");
	ug_buf_done(&b);
	return 0;
}

/* A store of 16 bytes, written by offset. */
struct store {
	char data[16];
	size_t piece;
};

static ssize_t store_write(void *self, const void *buf, size_t n, int64_t offset)
{
	struct store *s = self;
	n = s->piece && n > s->piece ? s->piece : n;
	if (offset + (int64_t)n > 16)
		return -ENOSPC;
	memcpy(s->data + offset, buf, n);
	return (ssize_t)n;
}

TEST(offsets)
{
	static const struct ug_writer_at_ops ops = {.size = sizeof ops, .write_at = store_write};
	struct store s = {"................", 2};
	struct ug_offset o;
	s.data[15] = '.';
	ug_writer_at at = {&ops, &s};
	CHECK_IS(ug_write_at(at, "abc", 3, 1), 3);
	CHECK_IS(ug_write_at(at, "abc", 3, -1), -EINVAL);
	CHECK_IS(ug_write_at(at, "abc", 3, INT64_MAX - 2), -EINVAL);
	CHECK_IS(ug_write_at((ug_writer_at){NULL, NULL}, "abc", 3, 1), -EINVAL);
	ug_writer w = ug_offset_writer(&o, at, 6);
	CHECK_IS(ug_write_text(w, "de"), 2);
	CHECK_IS(ug_fprintf(w, "%s", "fgh"), 0);
	CHECK(memcmp(s.data, ".abc..defgh.....", 16) == 0);
	CHECK_IS(ug_write_text(w, "123456"), -ENOSPC);
	return 0;
}

TEST(tees)
{
	char buf[16];
	struct source s = SOURCE("abcdef");
	static struct sink k;
	k = (struct sink){.fail = -ENOSPC, .fail_at = 4};
	struct ug_tee t;
	ug_reader r = ug_tee_reader(&t, source_reader(&s), sink_writer(&k));
	CHECK_IS(ug_read(r, buf, 3), 3);
	CHECK_BYTES(k.data, k.n, "abc");
	CHECK_IS(ug_read(r, buf, 3), -ENOSPC);
	k.fail = 0;
	CHECK_IS(ug_read(r, buf, 3), 0);
	return 0;
}

TEST(many_readers)
{
	char buf[16];
	struct source s[4] = {SOURCE("ab"), SOURCE(""), SOURCE("cde"), SOURCE("f")};
	ug_reader list[4];
	for (int i = 0; i < 4; i++)
		list[i] = source_reader(&s[i]);
	struct ug_readers m;
	ug_reader r = ug_multi_reader(&m, list, 4);
	CHECK_IS(ug_read(r, buf, 16), 2);
	CHECK_IS(ug_read_full(r, buf + 2, 4), 4);
	CHECK_BYTES(buf, 6, "abcdef");
	CHECK_IS(ug_read(r, buf, 16), 0);
	for (int i = 0; i < 4; i++)
		s[i].at = 0;
	ug_buf b = UG_ZERO;
	int64_t n;
	r = ug_multi_reader(&m, list, 4);
	CHECK_IS(ug_copy_upto(ug_buf_writer(&b), r, 4, &n), 0);
	CHECK_IS(n, 4);
	s[3].fail = -EIO;
	CHECK_IS(ug_copy(ug_buf_writer(&b), r, &n), -EIO);
	CHECK_IS(n, 1);
	CHECK_IS(ug_copy(ug_buf_writer(&b), r, &n), 0);
	CHECK_IS(n, 1);
	CHECK_BYTES(ug_buf_bytes(&b), ug_buf_len(&b), "abcdef");
	ug_buf_done(&b);
	r = ug_multi_reader(&m, NULL, 0);
	CHECK_IS(ug_read(r, buf, 1), 0);
	return 0;
}

TEST(many_writers)
{
	static struct sink k[3];
	ug_writer list[3];
	for (int i = 0; i < 3; i++) {
		k[i] = (struct sink){.piece = (size_t)i};
		list[i] = sink_writer(&k[i]);
	}
	struct ug_writers m;
	ug_writer w = ug_multi_writer(&m, list, 3);
	CHECK_IS(ug_write_text(w, "abc"), 3);
	k[1].fail = -EIO;
	CHECK_IS(ug_write_text(w, "d"), -EIO);
	CHECK_BYTES(k[0].data, k[0].n, "abcd");
	CHECK_BYTES(k[1].data, k[1].n, "abc");
	CHECK_BYTES(k[2].data, k[2].n, "abc");
	return 0;
}

TEST(memory)
{
	char buf[4];
	struct ug_memory m;
	ug_reader r = ug_memory_reader(&m, "abcdef", 6);
	CHECK_IS(ug_read(r, buf, 4), 4);
	CHECK_IS(ug_read(r, buf, 4), 2);
	CHECK_IS(ug_read(r, buf, 4), 0);
	static struct sink k;
	k = (struct sink){.n = 0};
	int64_t n;
	r = ug_memory_reader(&m, "abcdef", 6);
	CHECK_IS(ug_copy_upto(sink_writer(&k), r, 2, &n), 0);
	CHECK_IS(ug_copy(sink_writer(&k), r, &n), 0);
	CHECK_IS(n, 4);
	CHECK_BYTES(k.data, k.n, "abcdef");
	CHECK_IS(k.calls, 2);
	r = ug_memory_reader(&m, NULL, 0);
	CHECK_IS(ug_read(r, buf, 4), 0);
	CHECK_IS(ug_copy(sink_writer(&k), r, &n), 0);
	CHECK_IS(n, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_reading_units),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_tees),
		cmocka_unit_test(test_many_readers),
		cmocka_unit_test(test_many_writers),
		cmocka_unit_test(test_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
