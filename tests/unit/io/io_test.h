/* SPDX-License-Identifier: MIT */
/*
 * Each test body runs twice: as a task and as a plain thread without a runtime (TEST), or as a task alone (TASK_TEST).
 * A body checks with what check.h has.
 *
 * Two things stand for the world's readers and writers: a source that gives its bytes in pieces and fails where it is
 * told to, and a sink that does the same with what it takes.
 */
#ifndef IO_TEST_H
#define IO_TEST_H

#include "unit/check.h"

#include <undergo/io.h>

/* Defines the cmocka test test_NAME around a body. */
#define TEST(name) TEST_IN(name, 1)
#define TASK_TEST(name) TEST_IN(name, 0)
#define TEST_IN(name, thread_too)                                                                                      \
	static int name(void *unused);                                                                                 \
	static void test_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		check_world = " (in a thread)";                                                                        \
		if (thread_too)                                                                                        \
			assert_int_equal(name(NULL), 0);                                                               \
		check_world = " (in a task)";                                                                          \
		assert_int_equal(ug_run(name, NULL, NULL), 0);                                                         \
	}                                                                                                              \
	static int name(void *unused __attribute__((unused)))

/* A repeatable stream of numbers. */
static inline uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

struct source {
	const char *data;
	size_t n, at;
	size_t piece; /* a read gives at most so many bytes; 0: as many as fit */
	uint64_t seed; /* where not 0: pieces of 1 to `piece` bytes */
	size_t fail_at; /* with fail: once `at` has come there, one read fails */
	int fail;
	int calls, closed;
};

static ssize_t source_read(void *self, void *buf, size_t n)
{
	struct source *s = self;
	s->calls++;
	CHECK(n > 0);
	if (s->fail && s->at >= s->fail_at) {
		int e = s->fail;
		s->fail = 0;
		return e;
	}
	size_t most = s->fail ? s->fail_at - s->at : s->n - s->at;
	if (s->piece) {
		size_t piece = s->seed ? 1 + next_random(&s->seed) % s->piece : s->piece;
		most = most < piece ? most : piece;
	}
	n = n < most ? n : most;
	memcpy(buf, s->data + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

static int source_close(void *self)
{
	((struct source *)self)->closed++;
	return 0;
}

static inline ug_reader source_reader(struct source *s)
{
	static const struct ug_reader_ops ops = {.size = sizeof ops, .read = source_read, .close = source_close};
	return (ug_reader){&ops, s};
}

#define SOURCE(text) ((struct source){.data = (text), .n = sizeof(text) - 1})

struct sink {
	char data[16384];
	size_t n;
	size_t piece; /* a write takes at most so many bytes; 0: all */
	size_t fail_at; /* with fail: a write that would go beyond takes nothing and fails */
	int fail;
	int calls, closed;
};

static ssize_t sink_write(void *self, const void *buf, size_t n)
{
	struct sink *s = self;
	s->calls++;
	CHECK(n > 0);
	if (s->piece && n > s->piece)
		n = s->piece;
	if (s->fail && s->n + n > s->fail_at)
		return s->fail;
	CHECK(n <= sizeof s->data - s->n);
	memcpy(s->data + s->n, buf, n);
	s->n += n;
	return (ssize_t)n;
}

static int sink_close(void *self)
{
	((struct sink *)self)->closed++;
	return -EIO;
}

static inline ug_writer sink_writer(struct sink *s)
{
	static const struct ug_writer_ops ops = {.size = sizeof ops, .write = sink_write, .close = sink_close};
	return (ug_writer){&ops, s};
}

/* n bytes that differ from each other over long distances. */
static inline char *pattern(size_t n, uint64_t seed)
{
	char *data = malloc(n + 1);
	CHECK(data);
	for (size_t i = 0; i < n; i++)
		data[i] = (char)next_random(&seed);
	return data;
}

#endif
