/* SPDX-License-Identifier: MIT */
/*
 * Conditional requests (RFC 9110 13). A precondition that cannot be read errs on the safe side: If-Match, which
 * guards a change, fails; all others do not count. Fields sent on several lines are one list.
 */
#include "http/cond_priv.h"

#include "http/chars_priv.h"
#include "http/date_priv.h"
#include <string.h>

static bool same_etag(const char *s, size_t n, const char *etag, bool strong)
{
	size_t m;
	if (!etag)
		return false;
	m = strlen(etag);
	bool weak = n > 2 && s[0] == 'W', also = etag[0] == 'W';
	if (strong && (weak || also))
		return false;
	s += weak ? 2 : 0;
	n -= weak ? 2 : 0;
	etag += also ? 2 : 0;
	m -= also ? 2 : 0;
	return n == m && memcmp(s, etag, n) == 0;
}

/* The bytes of the entity-tag that s begins with; 0: none. */
static size_t etag_len(const char *s, size_t n)
{
	size_t i = n >= 2 && s[0] == 'W' && s[1] == '/' ? 2 : 0;
	if (i == n || s[i++] != '"')
		return 0;
	while (i < n && s[i] != '"') {
		unsigned char c = (unsigned char)s[i++];
		if (c <= 0x20 || c == 0x7f)
			return 0;
	}
	return i < n ? i + 1 : 0;
}

/* Whether the list of entity-tags, or "*", names the state; a malformed rest is not looked at. */
static bool list_has(const char *s, size_t n, const struct ug__http_state *state, bool strong)
{
	if (n == 1 && s[0] == '*')
		return state->exists;
	for (size_t i = 0; i < n;) {
		if (s[i] == ' ' || s[i] == '\t' || s[i] == ',') {
			i++;
			continue;
		}
		size_t len = etag_len(s + i, n - i);
		if (len == 0)
			return false;
		if (state->exists && same_etag(s + i, len, state->etag, strong))
			return true;
		i += len;
		if (i < n && s[i] != ',' && s[i] != ' ' && s[i] != '\t')
			return false;
	}
	return false;
}

/* Whether the field is there: then *has says whether one of its lines names the state. */
static bool etag_field(const struct ug__http_head *h, const char *buf, const char *name,
	const struct ug__http_state *state, bool strong, bool *has)
{
	const struct ug__http_field *f;
	uint32_t from = 0;
	bool there = false, found = false;
	while ((f = ug__http_head_next(h, buf, name, &from))) {
		there = true;
		found = found || list_has(buf + f->value.at, f->value.len, state, strong);
	}
	*has = found;
	return there;
}

/* The date of a field that is there once and well-formed. */
static bool date_field(const struct ug__http_head *h, const char *buf, const char *name, int64_t now, int64_t *date)
{
	uint32_t from = 0;
	const struct ug__http_field *f = ug__http_head_next(h, buf, name, &from);
	int64_t t;
	if (!f || ug__http_head_next(h, buf, name, &from) ||
		ug__http_date_parse(buf + f->value.at, f->value.len, now, &t) < 0)
		return false;
	*date = t;
	return true;
}

int ug__http_precondition(
	const struct ug__http_head *h, const char *buf, const struct ug__http_state *state, int64_t now)
{
	bool has, read = h->method == UG__HTTP_GET || h->method == UG__HTTP_HEAD;
	bool dated = state->exists && state->modified >= 0;
	int64_t date;
	if (h->method == UG__HTTP_CONNECT || h->method == UG__HTTP_OPTIONS || h->method == UG__HTTP_TRACE)
		return 0;
	if (etag_field(h, buf, "if-match", state, true, &has)) {
		if (!has)
			return 412;
	} else if (dated && date_field(h, buf, "if-unmodified-since", now, &date) && state->modified > date) {
		return 412;
	}
	if (etag_field(h, buf, "if-none-match", state, false, &has)) {
		if (has)
			return read ? 304 : 412;
	} else if (dated && read && date_field(h, buf, "if-modified-since", now, &date) && state->modified <= date) {
		return 304;
	}
	return 0;
}

bool ug__http_if_range(const struct ug__http_head *h, const char *buf, const struct ug__http_state *state, int64_t now)
{
	uint32_t from = 0;
	int64_t date;
	const struct ug__http_field *f = ug__http_head_next(h, buf, "if-range", &from);
	if (!f)
		return true;
	if (ug__http_head_next(h, buf, "if-range", &from))
		return false;
	const char *s = buf + f->value.at;
	size_t n = f->value.len;
	if (n > 0 && etag_len(s, n) == n)
		return state->exists && same_etag(s, n, state->etag, true);
	/* A date is a strong validator once nothing can change within its second any more (RFC 9110 8.8.2.2). */
	return state->exists && ug__http_date_parse(s, n, now, &date) == 0 && date == state->modified && now > date + 1;
}
