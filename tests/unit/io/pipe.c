/* SPDX-License-Identifier: MIT */
/* The pipe in memory, between tasks and threads in each mixture. */
#include "unit/sync/sync_test.h"

#include <string.h>
#include <undergo/io.h>

#define IS(data, text) (memcmp(data, text, sizeof(text) - 1) == 0)

/* One write, or one read, by a helper. */
struct job {
	ug_pipe *p;
	char *buf;
	size_t n;
	ssize_t result;
	ug_ctx ctx; /* of the helper, while it waits */
};

static size_t readers_waiting(ug_pipe *p)
{
	return queue_length(&p->filled_.waiters_, &p->filled_.lock_);
}

static int do_write(void *arg)
{
	struct job *j = arg;
	ug_ctx_push(&j->ctx);
	j->result = ug_write(ug_pipe_writer(j->p), j->buf, j->n);
	ug_ctx_pop(&j->ctx);
	return 0;
}

static int do_read(void *arg)
{
	struct job *j = arg;
	j->result = ug_read(ug_pipe_reader(j->p), j->buf, j->n);
	return 0;
}

TEST(hand_over)
{
	ug_pipe p = UG_ZERO;
	char in[] = "0123456789", out[11];
	struct job j = {.p = &p, .buf = in, .n = 10};
	struct helper h;
	start(&h, do_write, &j);
	ug_reader r = ug_pipe_reader(&p);
	CHECK_IS(ug_read(r, out, 3), 3);
	CHECK_IS(ug_read(r, out + 3, 4), 4);
	CHECK_IS(ug_read(r, out + 7, 4), 3);
	CHECK(IS(out, "0123456789"));
	finish(&h);
	CHECK_IS(j.result, 10);
	/* The other way round: the reader is first. */
	j = (struct job){.p = &p, .buf = out, .n = 11};
	start(&h, do_read, &j);
	UNTIL(readers_waiting(&p) == 1);
	CHECK_IS(ug_write(ug_pipe_writer(&p), "abc", 3), 3);
	finish(&h);
	CHECK_IS(j.result, 3);
	CHECK(IS(out, "abc"));
	CHECK_IS(ug_write(ug_pipe_writer(&p), "", 0), 0);
	return 0;
}

/* One write is enough for two readers that want a part of it each. */
TEST(shared)
{
	ug_pipe p = UG_ZERO;
	char c[2];
	struct job j[2];
	struct helper h[2];
	for (int i = 0; i < 2; i++) {
		j[i] = (struct job){.p = &p, .buf = &c[i], .n = 1};
		start(&h[i], do_read, &j[i]);
	}
	UNTIL(readers_waiting(&p) == 2);
	CHECK_IS(ug_write(ug_pipe_writer(&p), "ab", 2), 2);
	for (int i = 0; i < 2; i++) {
		finish(&h[i]);
		CHECK_IS(j[i].result, 1);
	}
	CHECK(c[0] + c[1] == 'a' + 'b');
	return 0;
}

TEST(closed_by_the_writer)
{
	char c[4];
	for (int err = 0; err >= -EIO; err -= EIO) {
		ug_pipe p = UG_ZERO;
		struct job j = {.p = &p, .buf = c, .n = 1, .result = 99};
		struct helper h;
		start(&h, do_read, &j);
		UNTIL(readers_waiting(&p) == 1);
		ug_pipe_close_write(&p, err);
		finish(&h);
		CHECK_IS(j.result, err);
		ug_pipe_close_write(&p, -EPERM);
		CHECK_IS(ug_read(ug_pipe_reader(&p), c, 1), err);
		CHECK_IS(ug_write(ug_pipe_writer(&p), c, 1), -EPIPE);
		CHECK_IS(ug_reader_close(ug_pipe_reader(&p)), 0);
		CHECK_IS(ug_read(ug_pipe_reader(&p), c, 1), -EPIPE);
	}
	return 0;
}

TEST(closed_by_the_reader)
{
	char c[] = "abcd";
	for (int err = 0; err >= -EIO; err -= EIO) {
		ug_pipe p = UG_ZERO;
		struct job j = {.p = &p, .buf = c, .n = 4};
		struct helper h;
		start(&h, do_write, &j);
		char one;
		CHECK_IS(ug_read(ug_pipe_reader(&p), &one, 1), 1);
		ug_pipe_close_read(&p, err);
		finish(&h);
		CHECK_IS(j.result, err ? err : -EPIPE);
		ug_pipe_close_read(&p, -EPERM);
		CHECK_IS(ug_write(ug_pipe_writer(&p), c, 1), err ? err : -EPIPE);
		CHECK_IS(ug_read(ug_pipe_reader(&p), c, 1), -EPIPE);
		CHECK_IS(ug_writer_close(ug_pipe_writer(&p)), 0);
	}
	return 0;
}

/* What was not taken when the context ended is the writer's again. */
TEST(contexts)
{
	ug_pipe p = UG_ZERO;
	char text[] = "abcdef", c;
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_read(ug_pipe_reader(&p), &c, 1), -ETIMEDOUT);
		CHECK_IS(ug_write(ug_pipe_writer(&p), "x", 1), -ETIMEDOUT);
	}
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_write(ug_pipe_writer(&p), "x", 1), -ETIMEDOUT);
	}
	struct job j = {.p = &p, .buf = text, .n = 6};
	struct helper h;
	start(&h, do_write, &j);
	CHECK_IS(ug_read(ug_pipe_reader(&p), &c, 1), 1);
	CHECK_IS(ug_ctx_cancel(&j.ctx, 0), 1);
	finish(&h);
	CHECK_IS(j.result, -ECANCELED);
	j = (struct job){.p = &p, .buf = text + 3, .n = 1};
	start(&h, do_write, &j);
	CHECK_IS(ug_read(ug_pipe_reader(&p), &c, 1), 1);
	CHECK_IS(c, 'd');
	finish(&h);
	/* A context that has ended does not keep an end from closing. */
	UG_WITH_TIMEOUT(0) {
		ug_pipe_close_write(&p, 0);
		ug_pipe_close_read(&p, 0);
	}
	CHECK_IS(ug_read(ug_pipe_reader(&p), &c, 1), -EPIPE);
	return 0;
}

enum { WRITERS = 4, READERS = 3, MESSAGES = 300, SIZE = 24 };

struct many {
	ug_pipe p;
	uint32_t next;
	uint32_t seen[WRITERS * MESSAGES];
};

static int many_writes(void *arg)
{
	struct many *m = arg;
	for (int i = 0; i < MESSAGES; i++) {
		uint32_t message[SIZE / 4];
		uint32_t id = add_relaxed(&m->next, 1u);
		for (int k = 0; k < SIZE / 4; k++)
			message[k] = id;
		CHECK_IS(ug_write(ug_pipe_writer(&m->p), message, SIZE), SIZE);
	}
	return 0;
}

/* A read of a whole message's size gets one whole message: writes do not mix. */
static int many_reads(void *arg)
{
	struct many *m = arg;
	uint32_t message[SIZE / 4];
	ssize_t n;
	while ((n = ug_read(ug_pipe_reader(&m->p), message, SIZE)) > 0) {
		CHECK_IS(n, SIZE);
		for (int k = 1; k < SIZE / 4; k++)
			CHECK_IS(message[k], message[0]);
		add_relaxed(&m->seen[message[0]], 1u);
	}
	return (int)n;
}

TEST(many)
{
	struct many *m = calloc(1, sizeof *m);
	struct helper w[WRITERS], r[READERS];
	for (int i = 0; i < READERS; i++)
		start(&r[i], many_reads, m);
	for (int i = 0; i < WRITERS; i++)
		start(&w[i], many_writes, m);
	for (int i = 0; i < WRITERS; i++)
		CHECK_IS(finish(&w[i]), 0);
	ug_pipe_close_write(&m->p, 0);
	for (int i = 0; i < READERS; i++)
		CHECK_IS(finish(&r[i]), 0);
	for (int i = 0; i < WRITERS * MESSAGES; i++)
		CHECK_IS(m->seen[i], 1);
	free(m);
	return 0;
}

static int produce(void *arg)
{
	ug_pipe *p = arg;
	for (int i = 0; i < 2000; i++)
		UG_TRY(ug_fprintf(ug_pipe_writer(p), "line %d\n", i));
	return ug_writer_close(ug_pipe_writer(p));
}

TEST(lines_through_it)
{
	ug_pipe p = UG_ZERO;
	struct helper h;
	start(&h, produce, &p);
	ug_buf b = UG_ZERO;
	CHECK_IS(ug_read_all(ug_pipe_reader(&p), 0, &b), 0);
	CHECK_IS(finish(&h), 0);
	ug_scan s;
	ug_scan_init(&s, ug_buf_reader(&b), NULL);
	int i = 0;
	for (; ug_scan_next(&s) > 0; i++) {
		char line[32];
		int n = snprintf(line, sizeof line, "line %d", i);
		CHECK(s.length == (size_t)n && memcmp(s.token, line, s.length) == 0);
	}
	CHECK_IS(i, 2000);
	ug_scan_done(&s);
	ug_buf_done(&b);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hand_over),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_closed_by_the_writer),
		cmocka_unit_test(test_closed_by_the_reader),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_lines_through_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
