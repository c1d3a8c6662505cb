/* SPDX-License-Identifier: MIT */
/* Copies between all that may stand on either side, through what may be wrapped around it. */
#include "copy_test.h"

static const char *const kind_names[] = {"file", "pipe", "unix socket", "TCP socket", "memory"};

static const size_t sizes[] = {0, 1, 5000, 70000, 1000003};

static void one_pair(enum kind from, enum kind to, const char *data, size_t n)
{
	struct side in, out;
	open_source(&in, from, data, n);
	open_target(&out, to);
	int64_t went = -1;
	CHECK_IS(ug_copy(side_writer(&out), side_reader(&in), &went), 0);
	CHECK_IS(went, n);
	if (from != MEMORY_KIND && to != MEMORY_KIND && (in.by_hand || out.by_hand)) {
		fprintf(stderr, "%s to %s: %lld bytes were copied by hand\n", kind_names[from], kind_names[to],
			(long long)out.by_hand);
		abort();
	}
	close_target(&out, data, n);
	end_helper(&in);
}

TASK_TEST(pairs)
{
	char *data = pattern(1000003, 1);
	for (enum kind from = 0; from < KINDS; from++)
		for (enum kind to = 0; to < KINDS; to++)
			for (size_t i = 0; i < UG_COUNT_OF(sizes); i++)
				one_pair(from, to, data, sizes[i]);
	free(data);
	return 0;
}

/* A reader or writer wrapped as `how` says, with the storage for that. */
struct wrapped {
	struct ug_limit limit;
	struct ug_count count;
	struct ug_section section;
	struct ug_readers multi;
	ug_reader list[2];
	struct ug_memory memory;
	ug_bufr bufr;
	ug_bufw bufw;
};

enum { BARE, LIMIT, COUNT, BUFR, MULTI, SECTION, READER_WRAPS };
enum { BUFW = 2, WRITER_WRAPS = 4 };

static ug_reader wrap_reader(struct wrapped *w, int how, struct side *s)
{
	ug_reader r = side_reader(s);
	switch (how) {
	case LIMIT:
		return ug_limit_reader(&w->limit, r, (int64_t)s->n + 5);
	case COUNT:
		return ug_count_reader(&w->count, r);
	case BUFR:
		CHECK_IS(ug_bufr_init(&w->bufr, r, NULL, 1000), 0);
		return ug_bufr_reader(&w->bufr);
	case MULTI:
		w->list[0] = ug_memory_reader(&w->memory, "", 0);
		w->list[1] = r;
		return ug_multi_reader(&w->multi, w->list, 2);
	case SECTION:
		if (s->kind == FILE_KIND)
			return ug_section_reader(&w->section, ug_fd_reader_at(s->mine), 0, INT64_MAX);
		if (s->kind == MEMORY_KIND)
			return ug_section_reader(
				&w->section, ug_memory_reader_at(&w->memory, s->data, s->n), 0, 1 << 30);
		return r;
	default:
		return r;
	}
}

static ug_writer wrap_writer(struct wrapped *w, int how, struct side *s)
{
	ug_writer to = side_writer(s);
	if (how & 1)
		to = ug_count_writer(&w->count, to);
	if (how & BUFW) {
		CHECK_IS(ug_bufw_init(&w->bufw, to, NULL, 700), 0);
		to = ug_bufw_writer(&w->bufw);
	}
	return to;
}

/* Copies and reads of random lengths, one after another, must give the stream without a gap, whatever way each of them
 * takes. */
static void one_mixture(
	uint64_t *seed, const char *data, size_t n, enum kind from, enum kind to, int in_wrap, int out_wrap)
{
	static char buf[3000];
	struct side in, out;
	struct wrapped wr = UG_ZERO, ww = UG_ZERO;
	open_source(&in, from, data, n);
	open_target(&out, to);
	ug_reader r = wrap_reader(&wr, in_wrap, &in);
	ug_writer w = wrap_writer(&ww, out_wrap, &out);
	size_t at = 0;
	for (int more = 1; more;) {
		int64_t length = 1 + next_random(seed) % (next_random(seed) % 4 ? 2000 : 100000), went = -1;
		struct ug_limit l;
		switch (next_random(seed) % 4) {
		case 0:
			went = ug_read(r, buf, next_random(seed) % sizeof buf + 1);
			CHECK(went >= 0);
			if (went)
				CHECK_IS(ug_write(w, buf, (size_t)went), went);
			more = went > 0;
			break;
		case 1:
			CHECK_IS(ug_copy(w, ug_limit_reader(&l, r, length), &went), 0);
			CHECK_IS(l.left, length - went);
			more = went == length;
			break;
		default:
			CHECK_IS(ug_copy_upto(w, r, length, &went), 0);
			CHECK(went <= length);
			more = went == length;
		}
		at += (size_t)went;
		CHECK(at <= n);
	}
	CHECK_IS(at, n);
	if (out_wrap & BUFW) {
		CHECK_IS(ug_bufw_flush(&ww.bufw), 0);
		ug_bufw_done(&ww.bufw);
	}
	if (in_wrap == COUNT)
		CHECK_IS(wr.count.bytes, n);
	if (out_wrap & 1)
		CHECK_IS(ww.count.bytes, n);
	if (in_wrap == BUFR)
		ug_bufr_done(&wr.bufr);
	close_target(&out, data, n);
	end_helper(&in);
}

TASK_TEST(mixtures)
{
	size_t n = 150000;
	uint64_t seed = 77;
	char *data = pattern(n, 2);
	for (enum kind from = 0; from < KINDS; from++)
		for (enum kind to = 0; to < KINDS; to++)
			for (int i = 0; i < READER_WRAPS; i++)
				one_mixture(&seed, data, n, from, to, i, (int)(next_random(&seed) % WRITER_WRAPS));
	free(data);
	return 0;
}

/* A part of a file goes to a socket without passing through memory, and leaves the file's position alone. */
TASK_TEST(sections)
{
	char *data = pattern(300000, 4);
	for (enum kind to = FILE_KIND; to <= TCP_KIND; to++) {
		struct side in, out;
		struct ug_section s;
		int64_t went;
		open_source(&in, FILE_KIND, data, 300000);
		open_target(&out, to);
		ug_reader r = ug_section_reader(&s, ug_fd_reader_at(in.mine), 100001, 150000);
		CHECK_IS(ug_copy(side_writer(&out), r, &went), 0);
		CHECK_IS(went, 150000);
		CHECK_IS(out.calls, 0);
		CHECK_IS(lseek(ug_fd_number(in.mine), 0, SEEK_CUR), 0);
		/* Beyond the end of the file. */
		r = ug_section_reader(&s, ug_fd_reader_at(in.mine), 299990, 100);
		CHECK_IS(ug_copy_n(side_writer(&out), r, 100, &went), UG_ESHORT);
		CHECK_IS(went, 10);
		memmove(data + 100001 + 150000, data + 299990, 10);
		close_target(&out, data + 100001, 150010);
		end_helper(&in);
	}
	free(data);
	return 0;
}

/* A body of known length that was read ahead in part: the rest goes by the kernel, and no byte of what follows. */
TASK_TEST(limited_buffered)
{
	char *data = pattern(200000, 4);
	struct side in, out;
	struct ug_limit l;
	ug_bufr b;
	const void *seen;
	int64_t went;
	open_source(&in, UNIX_KIND, data, 200000);
	open_target(&out, FILE_KIND);
	CHECK_IS(ug_bufr_init(&b, side_reader(&in), NULL, 512), 0);
	CHECK_IS(ug_bufr_peek(&b, 10, &seen), 10);
	CHECK_IS(ug_copy(side_writer(&out), ug_limit_reader(&l, ug_bufr_reader(&b), 150000), &went), 0);
	CHECK_IS(went, 150000);
	CHECK(in.by_hand <= 512);
	CHECK_IS(ug_bufr_peek(&b, 10, &seen), 10);
	CHECK(memcmp(seen, data + 150000, 10) == 0);
	ug_bufr_done(&b);
	close_target(&out, data, 150000);
	end_helper(&in);
	free(data);
	return 0;
}

TASK_TEST(into_the_middle)
{
	char *data = pattern(150000, 3);
	for (enum kind from = 0; from < KINDS; from++)
		copy_into_the_middle(from, data, 150000);
	free(data);
	return 0;
}

TEST(files_by_offset)
{
	char buf[16];
	char *data = pattern(50000, 6);
	ug_fd *f = adopt(temporary(0)), *g = adopt(temporary(0));
	struct ug_offset o;
	struct ug_memory m;
	int64_t went;
	ug_writer w = ug_offset_writer(&o, ug_fd_writer_at(f), 100);
	CHECK_IS(ug_copy(w, ug_memory_reader(&m, data, 50000), &went), 0);
	CHECK_IS(lseek(ug_fd_number(f), 0, SEEK_CUR), 0);
	CHECK_IS(ug_read_at(ug_fd_reader_at(f), buf, 16, 50090), 10);
	CHECK(memcmp(buf, data + 49990, 10) == 0);
	CHECK_IS(ug_read_at(ug_fd_reader_at(f), buf, 16, 50100), 0);
	CHECK_IS(ug_write_at(ug_fd_writer_at(f), "abc", 3, 1), 3);
	CHECK_IS(ug_read_at(ug_fd_reader_at(f), buf, 4, 0), 4);
	CHECK(memcmp(buf, "\0abc", 4) == 0);
	/* From file to file, both by offset. */
	struct ug_section s;
	w = ug_offset_writer(&o, ug_fd_writer_at(g), 7);
	CHECK_IS(ug_copy(w, ug_section_reader(&s, ug_fd_reader_at(f), 200, 1000), &went), 0);
	CHECK_IS(went, 1000);
	CHECK_IS(ug_read_at(ug_fd_reader_at(g), buf, 16, 7 + 990), 10);
	CHECK(memcmp(buf, data + 100 + 990, 10) == 0);
	CHECK_IS(ug_write_text(w, "xy"), 2);
	CHECK_IS(ug_read_at(ug_fd_reader_at(g), buf, 16, 1007), 2);
	CHECK(memcmp(buf, "xy", 2) == 0);
	CHECK_IS(ug_write_at(ug_fd_writer_at(f), "abc", 3, -1), -EINVAL);
	ug_fd_close(f);
	ug_fd_close(g);
	int ends[2];
	make_pair(PIPE_KIND, ends);
	f = adopt(ends[0]);
	CHECK_IS(ug_read_at(ug_fd_reader_at(f), buf, 1, 0), -ESPIPE);
	ug_fd_close(f);
	close(ends[1]);
	free(data);
	return 0;
}

/* A file open for appending is none that the kernel copies to: the bytes go by hand, those too that lie in the pipe
 * between. */
TASK_TEST(appending)
{
	char *data = pattern(200000, 9), *got = malloc(200005);
	for (enum kind from = 0; from < KINDS; from++) {
		struct side in;
		int64_t went;
		int fd = temporary(O_APPEND);
		ug_fd *to = adopt(fd);
		CHECK_IS(write(fd, "head", 4), 4);
		open_source(&in, from, data, 200000);
		CHECK_IS(ug_copy(ug_fd_writer(to), side_reader(&in), &went), 0);
		CHECK_IS(went, 200000);
		CHECK_IS(pread(fd, got, 200005, 0), 200004);
		CHECK(memcmp(got, "head", 4) == 0 && memcmp(got + 4, data, 200000) == 0);
		ug_fd_close(to);
		end_helper(&in);
	}
	free(got);
	free(data);
	return 0;
}

/* Files of /proc say that they are empty. */
TASK_TEST(files_without_size)
{
	char text[4096];
	int fd = check(open("/proc/version", O_RDONLY | O_CLOEXEC));
	ssize_t n = read(fd, text, sizeof text);
	CHECK(n > 10);
	close(fd);
	for (enum kind to = 0; to < KINDS; to++) {
		struct side out;
		int64_t went;
		open_target(&out, to);
		ug_fd *from = adopt(open("/proc/version", O_RDONLY | O_CLOEXEC));
		CHECK_IS(ug_copy(side_writer(&out), ug_fd_reader(from), &went), 0);
		CHECK_IS(went, n);
		ug_fd_close(from);
		close_target(&out, text, (size_t)n);
	}
	return 0;
}

TASK_TEST(exact_lengths)
{
	char *data = pattern(20000, 8);
	for (enum kind from = 0; from < KINDS; from++) {
		struct side in, out;
		int64_t went;
		open_source(&in, from, data, 20000);
		open_target(&out, UNIX_KIND);
		ug_reader r = side_reader(&in);
		CHECK_IS(ug_copy_n(side_writer(&out), r, 0, &went), 0);
		CHECK_IS(ug_copy_n(side_writer(&out), r, -1, &went), -EINVAL);
		CHECK_IS(ug_copy_n(side_writer(&out), r, 15000, &went), 0);
		CHECK_IS(went, 15000);
		CHECK_IS(ug_copy_n(side_writer(&out), r, 5001, &went), UG_ESHORT);
		CHECK_IS(went, 5000);
		CHECK_IS(ug_copy_n(side_writer(&out), r, 1, NULL), UG_ESHORT);
		close_target(&out, data, 20000);
		end_helper(&in);
	}
	free(data);
	return 0;
}

TEST(through_the_callers_buffer)
{
	char buf[7];
	static struct sink k;
	int64_t went;
	k = (struct sink){.n = 0};
	struct source s = SOURCE("0123456789abcdef");
	CHECK_IS(ug_copy_buffer(sink_writer(&k), source_reader(&s), buf, 7, &went), 0);
	CHECK_IS(went, 16);
	CHECK_IS(k.calls, 3);
	CHECK_IS(ug_copy_buffer(sink_writer(&k), source_reader(&s), buf, 0, &went), -EINVAL);
	CHECK_IS(ug_copy_buffer(sink_writer(&k), source_reader(&s), NULL, 7, &went), -EINVAL);
	CHECK_IS(ug_copy((ug_writer){NULL, NULL}, source_reader(&s), &went), -EINVAL);
	CHECK_IS(ug_copy(sink_writer(&k), (ug_reader){NULL, NULL}, &went), -EINVAL);
	s = SOURCE("0123456789abcdef");
	k = (struct sink){.fail = -ENOSPC, .fail_at = 10};
	CHECK_IS(ug_copy_buffer(sink_writer(&k), source_reader(&s), buf, 7, &went), -ENOSPC);
	CHECK_IS(went, 7);
	return 0;
}

/* Offsets end at INT64_MAX: what lies behind the end of a file is its end, however far behind. */
TEST(last_offsets)
{
	char buf[16];
	int ends[2];
	int64_t went = -1;
	ug_fd *f = adopt(check(memfd_create("offsets", MFD_CLOEXEC))); /* can be that large, as few files can */
	struct ug_section s;
	CHECK_IS(write(ug_fd_number(f), "abc", 3), 3);
	CHECK_IS(ug_read_at(ug_fd_reader_at(f), buf, sizeof buf, INT64_MAX - 3), 0);
	CHECK_IS(ug_read_at(ug_fd_reader_at(f), buf, sizeof buf, INT64_MAX), 0);
	make_pair(PIPE_KIND, ends);
	ug_fd *to = adopt(ends[1]);
	ug_reader r = ug_section_reader(&s, ug_fd_reader_at(f), INT64_MAX - 3, INT64_MAX);
	CHECK_IS(ug_read(r, buf, sizeof buf), 0);
	CHECK_IS(ug_copy(ug_fd_writer(to), r, &went), 0);
	CHECK_IS(went, 0);
	CHECK_IS(lseek(ug_fd_number(f), INT64_MAX - 3, SEEK_SET), INT64_MAX - 3);
	CHECK_IS(ug_copy(ug_fd_writer(to), ug_fd_reader(f), &went), -EINVAL); /* as read(2) has it */
	CHECK_IS(went, 0);
	ug_fd_close(f);
	ug_fd_close(to);
	close(ends[0]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_mixtures),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_limited_buffered),
		cmocka_unit_test(test_into_the_middle),
		cmocka_unit_test(test_files_by_offset),
		cmocka_unit_test(test_last_offsets),
		cmocka_unit_test(test_appending),
		cmocka_unit_test(test_files_without_size),
		cmocka_unit_test(test_exact_lengths),
		cmocka_unit_test(test_through_the_callers_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
