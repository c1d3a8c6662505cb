/* SPDX-License-Identifier: MIT */
/* The chunked coding: every body in one piece, byte by byte, and cut in two at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "http/chunk_priv.h"
#include <undergo/base.h>

#define TRAILER_BYTES 128

struct outcome {
	int result;
	size_t used; /* of the input, framing and data */
	size_t len;
	char data[256];
	int status;
	const char *reason;
	unsigned trailers;
};

/* Decodes in[0..len) as a reader would that sees `first` bytes and then `step` more each time, and that takes at most
 * `take` bytes of data at once. What is not used is shown again. */
static void decode(struct outcome *o, const char *in, size_t len, size_t first, size_t step, size_t take)
{
	struct ug__http_chunk c;
	memset(o, 0, sizeof *o);
	ug__http_chunk_init(&c, 4, TRAILER_BYTES);
	size_t shown = first < len ? first : len;
	for (;;) {
		size_t n = shown - o->used, used = n + 1;
		char *copy = malloc(n ? n : 1);
		memcpy(copy, in + o->used, n);
		o->result = ug__http_chunk_step(&c, copy, n, &used);
		free(copy);
		assert_true(used <= n);
		o->used += used;
		if (o->result < 0 || o->result == UG__CHUNK_END)
			break;
		if (o->result == UG__CHUNK_DATA && o->used < shown) {
			size_t some = shown - o->used;
			some = some < c.left ? some : c.left;
			some = some < take ? some : take;
			memcpy(o->data + o->len, in + o->used, some);
			o->len += some;
			o->used += some;
			ug__http_chunk_took(&c, some);
			continue;
		}
		if (shown == len)
			break;
		shown = shown + step < len ? shown + step : len;
	}
	o->status = c.status;
	o->reason = c.reason;
	o->trailers = c.trailer.nfields;
}

static void same(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
	assert_int_equal(a->status, b->status);
	assert_ptr_equal(a->reason, b->reason);
	assert_int_equal(a->used, b->used);
	assert_int_equal(a->trailers, b->trailers);
}

static void run(struct outcome *o, const char *in, size_t len)
{
	struct outcome other;
	decode(o, in, len, len, 1, 1000);
	decode(&other, in, len, 0, 1, 1000);
	same(o, &other);
	decode(&other, in, len, len, 1, 1);
	same(o, &other);
	for (size_t cut = 1; cut < len; cut++) {
		decode(&other, in, len, cut, len, 3);
		same(o, &other);
	}
}

#define RUN(o, text) run((o), (text), sizeof(text) - 1)

static void takes_chunks(void **state)
{
	(void)state;
	static const char in[] =
		"5\r\nhello\r\n00a\r\n, wide\r\n w\r\nF\r\n0123456789abcde\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
	struct outcome o;
	RUN(&o, in);
	assert_int_equal(o.result, UG__CHUNK_END);
	assert_int_equal(o.len, 30);
	assert_memory_equal(o.data, "hello, wide\r\n w0123456789abcde", 30);
	assert_int_equal(in[o.used], 'G');
}

static void takes_nothing(void **state)
{
	(void)state;
	struct outcome o;
	RUN(&o, "0\r\n\r\n");
	assert_int_equal(o.result, UG__CHUNK_END);
	assert_int_equal(o.len, 0);
	RUN(&o, "0000000000000000\r\n\r\n");
	assert_int_equal(o.result, UG__CHUNK_END);
}

static void takes_trailers(void **state)
{
	(void)state;
	static const char in[] = "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\nrest\r\n\r\n";
	struct outcome o;
	RUN(&o, in);
	assert_int_equal(o.result, UG__CHUNK_END);
	assert_int_equal(o.trailers, 2);
	assert_int_equal(in[o.used], 'r');
}

static void asks_for_more(void **state)
{
	(void)state;
	static const char in[] = "5\r\nhello\r\n0\r\nA: b\r\n\r\n";
	for (size_t n = 0; n < sizeof in - 1; n++) {
		struct outcome o;
		run(&o, in, n);
		assert_int_equal(o.result, n >= 3 && n < 8 ? UG__CHUNK_DATA : UG__CHUNK_MORE);
	}
}

static void refuses(void **state)
{
	(void)state;
#define NO(status, text, reason)                                                                                       \
	{                                                                                                              \
		(text), sizeof(text) - 1, (status), (reason)                                                           \
	}
	static const struct {
		const char *in;
		size_t len;
		int status;
		const char *reason;
	} cases[] = {
		NO(400, "\r\n", "chunk without a size"),
		NO(400, ";a=b\r\n", "chunk without a size"),
		NO(400, " 5\r\nhello\r\n", "chunk without a size"),
		NO(400, "+5\r\nhello\r\n", "chunk without a size"),
		NO(400, "-1\r\n", "chunk without a size"),
		NO(400, "\n0\r\n\r\n", "chunk without a size"),
		NO(400, "x\r\n", "chunk without a size"),
		NO(400, "0x5\r\nhello\r\n", "malformed chunk size"),
		NO(400, "5 \r\nhello\r\n", "malformed chunk size"),
		NO(400, "5\t\r\nhello\r\n", "malformed chunk size"),
		NO(400, "5_\r\nhello\r\n", "malformed chunk size"),
		NO(400, "5g\r\nhello\r\n", "malformed chunk size"),
		NO(400, "5\0\r\nhello\r\n", "malformed chunk size"),
		NO(400, "5,5\r\nhello\r\n", "malformed chunk size"),
		NO(400, "5;a=b\r\nhello\r\n", "chunk extension"),
		NO(400, "5;\r\nhello\r\n", "chunk extension"),
		NO(400, "0;a=\"\r\n\r\n", "chunk extension"),
		NO(400, "5 ;a\r\nhello\r\n", "malformed chunk size"),
		NO(400, "5\nhello\r\n", "bare LF as line end"),
		NO(400, "5\rhello\r\n", "bare CR"),
		NO(400, "5\r\r\nhello\r\n", "bare CR"),
		NO(400, "5\r\nhello\n", "bare LF as line end"),
		NO(400, "5\r\nhello\r0\r\n", "bare CR"),
		NO(400, "5\r\nhello\r\r\n", "bare CR"),
		NO(400, "5\r\nhello!\r\n", "chunk longer than its size"),
		NO(400, "5\r\nhello0\r\n\r\n", "chunk longer than its size"),
		NO(400, "00000000000000005\r\nhello\r\n", "chunk size too large"),
		NO(400, "8000000000000000\r\n", "chunk size too large"),
		NO(400, "ffffffffffffffff\r\n", "chunk size too large"),
		NO(400, "10000000000000005\r\nhello\r\n", "chunk size too large"),
		NO(400, "0\r\n\n", "bare LF as line end"),
		NO(400, "0\r\nA: b\n\r\n", "bare LF as line end"),
		NO(400, "0\r\nA : b\r\n\r\n", "space before the colon of a field"),
		NO(400, "0\r\n A: b\r\n\r\n", "folded line"),
		NO(400, "0\r\nA: b\r\n c\r\n\r\n", "folded line"),
		NO(400, "0\r\nA: \0\r\n\r\n", "control character in a field"),
		NO(400, "0\r\nContent-Length: 4\r\n\r\n", "Content-Length in a trailer"),
		NO(400, "0\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding in a trailer"),
		NO(400, "0\r\nHost: a\r\n\r\n", "Host in a trailer"),
		NO(400, "0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "space before the colon of a field"),
		NO(431, "0\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n", "too many fields"),
		NO(431,
			"0\r\nA: 1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
			"1234567890123456789012345678901234567890\r\n\r\n",
			"fields too large"),
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		struct outcome o;
		run(&o, cases[i].in, cases[i].len);
		if (o.result != UG_EPROTO_HTTP || strcmp(o.reason, cases[i].reason) != 0)
			print_error("case %zu: %s: %d %s\n", i, cases[i].in, o.result, o.reason ? o.reason : "?");
		assert_int_equal(o.result, UG_EPROTO_HTTP);
		assert_int_equal(o.status, cases[i].status);
		assert_string_equal(o.reason, cases[i].reason);
	}
}

static void takes_the_largest_size(void **state)
{
	(void)state;
	struct ug__http_chunk c;
	size_t used;
	ug__http_chunk_init(&c, 0, 0);
	assert_int_equal(ug__http_chunk_step(&c, "7fffffffffffffff\r\n", 18, &used), UG__CHUNK_DATA);
	assert_int_equal(used, 18);
	assert_true(c.left == INT64_MAX);
}

static void stays_at_its_end(void **state)
{
	(void)state;
	struct ug__http_chunk c;
	size_t used;
	ug__http_chunk_init(&c, 0, 0);
	assert_int_equal(ug__http_chunk_step(&c, "0\r\n\r\n1", 6, &used), UG__CHUNK_END);
	assert_int_equal(used, 5);
	assert_int_equal(ug__http_chunk_step(&c, "1\r\n", 3, &used), UG__CHUNK_END);
	assert_int_equal(used, 0);
	ug__http_chunk_init(&c, 0, 0);
	assert_int_equal(ug__http_chunk_step(&c, "z", 1, &used), UG_EPROTO_HTTP);
	assert_int_equal(ug__http_chunk_step(&c, "0\r\n\r\n", 5, &used), UG_EPROTO_HTTP);
}

static void writes_sizes(void **state)
{
	(void)state;
	static const struct {
		uint64_t n;
		const char *line;
	} cases[] = {
		{1, "1\r\n"},
		{9, "9\r\n"},
		{15, "f\r\n"},
		{16, "10\r\n"},
		{255, "ff\r\n"},
		{256, "100\r\n"},
		{65536, "10000\r\n"},
		{UINT64_MAX, "ffffffffffffffff\r\n"},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		char out[UG__CHUNK_HEAD_MAX];
		size_t n = ug__http_chunk_head(out, cases[i].n);
		assert_int_equal(n, strlen(cases[i].line));
		assert_memory_equal(out, cases[i].line, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_chunks),
		cmocka_unit_test(takes_nothing),
		cmocka_unit_test(takes_trailers),
		cmocka_unit_test(asks_for_more),
		cmocka_unit_test(refuses),
		cmocka_unit_test(takes_the_largest_size),
		cmocka_unit_test(stays_at_its_end),
		cmocka_unit_test(writes_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
