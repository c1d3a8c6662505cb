/* SPDX-License-Identifier: MIT */
/*
 * The chunked decoder. Whatever the bytes, and however they are cut: it reads nothing outside them, and gives the same
 * data and the same end. What it took whole is encoded and decoded again, and comes out the same. The first two
 * bytes choose the cuts.
 */
#include "http/chunk_priv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 4096

#define must(cond)                                                                                                     \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			abort();                                                                                       \
	} while (0)

struct outcome {
	int result;
	size_t used, len;
	const char *reason;
	char data[INPUT_MAX];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct outcome *o, const char *in, size_t len, size_t step, size_t take)
{
	struct ug__http_chunk c;
	size_t shown = step < len ? step : len;
	o->used = o->len = 0;
	ug__http_chunk_init(&c, 5, 256);
	for (;;) {
		size_t n = shown - o->used, used;
		char *copy = malloc(n ? n : 1);
		must(copy);
		memcpy(copy, in + o->used, n);
		o->result = ug__http_chunk_step(&c, copy, n, &used);
		free(copy);
		must(used <= n);
		o->used += used;
		o->reason = c.reason;
		if (o->result < 0 || o->result == UG__CHUNK_END)
			return;
		if (o->result == UG__CHUNK_DATA && o->used < shown) {
			must(c.left > 0);
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
			return;
		shown = shown + step < len ? shown + step : len;
	}
}

static size_t encode(char *out, const char *data, size_t len, size_t step)
{
	char *p = out;
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		p += ug__http_chunk_head(p, n);
		memcpy(p, data + at, n);
		memcpy(p + n, "\r\n", 2);
		p += n + 2;
	}
	memcpy(p, UG__CHUNK_LAST, sizeof UG__CHUNK_LAST - 1);
	return (size_t)(p - out) + sizeof UG__CHUNK_LAST - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome once, cut;
	static char encoded[INPUT_MAX * 8];
	if (size < 2 || size > INPUT_MAX)
		return 0;
	const char *in = (const char *)data + 2;
	size_t len = size - 2, step = 1 + data[0], take = 1 + data[1];
	decode(&once, in, len, len ? len : 1, INPUT_MAX);
	decode(&cut, in, len, step, take);
	must(once.result == cut.result && once.reason == cut.reason);
	must(once.len == cut.len && !memcmp(once.data, cut.data, once.len));
	must(once.result < 0 || once.used == cut.used);
	if (once.result != UG__CHUNK_END)
		return 0;
	size_t n = encode(encoded, once.data, once.len, take);
	decode(&cut, encoded, n, step, take);
	must(cut.result == UG__CHUNK_END && cut.used == n);
	must(cut.len == once.len && !memcmp(cut.data, once.data, cut.len));
	return 0;
}
