/* SPDX-License-Identifier: MIT */
/* Text for HTML, URLs, JSON and log lines. Bytes from outside go through here before anybody reads them. */
#include "http/escape_priv.h"

#include "http/chars_priv.h"
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

struct sink {
	char *out;
	size_t cap, len; /* len: what all of it has, whether it fitted or not */
	bool full;
};

static void put(struct sink *k, const char *s, size_t n)
{
	if (!k->full && k->len + n < k->cap)
		memcpy(k->out + k->len, s, n);
	else if (!k->full) {
		k->full = true;
		if (k->cap > 0)
			k->out[k->len] = 0;
	}
	k->len += n;
}

static size_t finish(struct sink *k)
{
	if (!k->full && k->cap > 0)
		k->out[k->len] = 0;
	return k->len;
}

/* The bytes of the well-formed UTF-8 sequence that s begins with (RFC 3629: shortest form, no surrogates); 0: none. */
static size_t utf8(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t len;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		len = 2;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		len = 3;
		low = s[0] == 0xe0 ? 0xa0 : low;
		high = s[0] == 0xed ? 0x9f : high;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		len = 4;
		low = s[0] == 0xf0 ? 0x90 : low;
		high = s[0] == 0xf4 ? 0x8f : high;
	} else {
		return 0;
	}
	if (n < len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

static const char *html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

size_t ug__http_escape_html(const char *s, size_t n, char *out, size_t cap)
{
	struct sink k = {.out = out, .cap = cap};
	for (size_t i = 0; i < n;) {
		size_t len = utf8(s + i, n - i);
		const char *entity = html_entity(s[i]);
		if (entity)
			put(&k, entity, strlen(entity));
		else if (len == 0 || (len == 1 && ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)))
			put(&k, REPLACEMENT, 3);
		else
			put(&k, s + i, len);
		i += len ? len : 1;
	}
	return finish(&k);
}

static void put_hex(struct sink *k, const char *before, char c)
{
	char text[8];
	size_t n = strlen(before);
	memcpy(text, before, n);
	text[n] = "0123456789ABCDEF"[(unsigned char)c >> 4];
	text[n + 1] = "0123456789ABCDEF"[c & 15];
	put(k, text, n + 2);
}

size_t ug__http_escape_url(const char *s, size_t n, const char *keep, char *out, size_t cap)
{
	struct sink k = {.out = out, .cap = cap};
	for (size_t i = 0; i < n; i++) {
		if (ug__http_is(s[i], UG__CH_URL) || (s[i] && strchr(keep, s[i])))
			put(&k, s + i, 1);
		else
			put_hex(&k, "%", s[i]);
	}
	return finish(&k);
}

size_t ug__http_escape_json(const char *s, size_t n, char *out, size_t cap)
{
	struct sink k = {.out = out, .cap = cap};
	for (size_t i = 0; i < n;) {
		size_t len = utf8(s + i, n - i);
		if (s[i] == '"' || s[i] == '\\') {
			char pair[2] = {'\\', s[i]};
			put(&k, pair, 2);
		} else if (len == 0) {
			put(&k, REPLACEMENT, 3);
		} else if (len == 1 && ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)) {
			put_hex(&k, "\\u00", s[i]);
		} else if (len == 2 && s[i] == '\xc2' &&
			(unsigned char)s[i + 1] < 0xa0) { /* a control character, too */
			put_hex(&k, "\\u00", s[i + 1]);
		} else {
			put(&k, s + i, len);
		}
		i += len ? len : 1;
	}
	return finish(&k);
}

size_t ug__http_escape_log(const char *s, size_t n, char *out, size_t cap)
{
	struct sink k = {.out = out, .cap = cap};
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] >= 0x7f || s[i] == '"' || s[i] == '\\')
			put_hex(&k, "\\x", s[i]);
		else
			put(&k, s + i, 1);
	}
	return finish(&k);
}

bool ug__http_is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8(s + i, n - i);
		if (len == 0)
			return n - i < 4 && i > 0 && (unsigned char)s[i] >= 0xc2;
		if (len == 1 && (unsigned char)s[i] < 0x20 && (s[i] == 0 || !strchr("\t\n\f\r\033", s[i])))
			return false;
		i += len;
	}
	return true;
}
