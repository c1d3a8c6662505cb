/* SPDX-License-Identifier: MIT */
/*
 * The Range field (RFC 9110 14.1, 14.2). A field that is no valid ranges-specifier does not count, as if it had not
 * been sent. Overlapping ranges make a server send more than it has, so ranges that overlap or touch become one; and
 * since each range left over costs a part with a head of its own, a field with more than 16 does not count either.
 */
#include "http/range_priv.h"

#include "http/chars_priv.h"
#include <errno.h>
#include <string.h>

/* 1*DIGIT, where what does not fit is as good as the greatest number; -1: no digits or something else. */
static int64_t number(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!ug__http_is(s[i], UG__CH_DIGIT))
			return -1;
	int64_t v = ug__http_digits(s, n);
	return v < 0 && n > 0 ? INT64_MAX : v;
}

/* One range-spec: 1 satisfiable, 0 not, -EINVAL none. */
static int spec(const char *s, size_t n, int64_t size, struct ug__http_range *out)
{
	const char *dash = memchr(s, '-', n);
	if (!dash)
		return -EINVAL;
	size_t before = (size_t)(dash - s), after = n - before - 1;
	if (before == 0) {
		int64_t suffix = number(dash + 1, after);
		if (suffix < 0)
			return -EINVAL;
		out->len = suffix < size ? suffix : size;
		out->from = size - out->len;
		return suffix > 0;
	}
	int64_t first = number(s, before), last = after ? number(dash + 1, after) : INT64_MAX;
	if (first < 0 || last < first)
		return -EINVAL;
	if (first >= size)
		return 0;
	out->from = first;
	out->len = (last < size ? last + 1 : size) - first;
	return 1;
}

/* Adds r to the n ranges of out, one with those it overlaps or touches; answers their new number. */
static int add(struct ug__http_range *out, int n, struct ug__http_range r)
{
	int at = n;
	for (int i = 0; i < n; i++) {
		struct ug__http_range o = out[i];
		if (r.from > o.from + o.len || o.from > r.from + r.len)
			continue;
		int64_t end = r.from + r.len > o.from + o.len ? r.from + r.len : o.from + o.len;
		r.from = r.from < o.from ? r.from : o.from;
		r.len = end - r.from;
		at = at < i ? at : i;
		memmove(&out[i], &out[i + 1], (size_t)(n - i - 1) * sizeof *out);
		n--;
		i = -1; /* it has grown: those passed over may touch it now */
	}
	at = at < n ? at : n;
	memmove(&out[at + 1], &out[at], (size_t)(n - at) * sizeof *out);
	out[at] = r;
	return n + 1;
}

int ug__http_ranges(const char *s, size_t n, int64_t size, struct ug__http_range out[UG__HTTP_RANGES_MAX])
{
	struct ug__http_range r;
	const char *item, *equals = memchr(s, '=', n);
	size_t at, len;
	int specs = 0, found = 0;
	if (!equals || !ug__http_same(s, (size_t)(equals - s), "bytes"))
		return 0;
	at = (size_t)(equals + 1 - s);
	while (ug__http_list_next(s, n, &at, &item, &len)) {
		if (++specs > UG__HTTP_RANGES_MAX)
			return 0;
		int ok = spec(item, len, size, &r);
		if (ok < 0)
			return 0;
		if (ok == 0)
			continue;
		if (r.len == 0) /* the last bytes of nothing: satisfiable, but Content-Range has no way to say it */
			return 0;
		found = add(out, found, r);
	}
	return found == 0 && specs > 0 ? -ERANGE : found;
}
