/* SPDX-License-Identifier: MIT */
/*
 * The strict, incremental parser of request heads (RFC 9110, RFC 9112).
 *
 * A request that two servers in a row read differently is a smuggled request. So this parser knows one spelling of
 * everything: what the RFCs call invalid, and what they merely let a server tolerate (bare LF, folded lines, spare
 * spaces, equal Content-Lengths, Content-Length beside Transfer-Encoding), is refused, with one reason, and the
 * connection is closed by the caller. The single tolerance is the one empty line before a request (RFC 9112 2.2).
 *
 * Lines are parsed when they are whole. feed() looks for the last LF of what has arrived, and parses all lines up to
 * it; the rest waits. Three things follow. The answer depends on the bytes so far and not on how they were cut into
 * reads. No byte is looked at more than twice, however slowly it comes: a byte-by-byte sender costs no more than any
 * other. And each scan is stopped by its line's LF at the latest, because no class of characters holds LF: loops need
 * no check against the end of the buffer, and p[1] may be read wherever p[0] was not LF.
 *
 * The limit counts all bytes of the head. A head that has not ended within it is refused by the line in which that
 * happens: 414 for the request line, 431 for a field. Only that many bytes are ever searched, so a long body that
 * came in the same read costs nothing here.
 *
 * Rejected: a state machine by characters (one unpredictable branch a byte); parsing again from the
 * start on every read (quadratic under slow senders); pointers in place of offsets (the buffer grows, and moves).
 */
#include "http/parse_priv.h"

#include "http/chars_priv.h"
#include <arpa/inet.h>
#include <string.h>
#include <undergo/base.h>

enum { START, AFTER_EMPTY, FIELDS, TRAILER, DONE, REFUSED };

static int refuse(struct ug__http_head *h, unsigned status, const char *reason)
{
	h->stage = REFUSED;
	h->status = (uint16_t)status;
	h->reason = reason;
	return UG_EPROTO_HTTP;
}

static int bad(struct ug__http_head *h, const char *reason)
{
	return refuse(h, 400, reason);
}

static struct ug__http_part part(const char *buf, const char *from, const char *to)
{
	return (struct ug__http_part){(uint32_t)(from - buf), (uint32_t)(to - from)};
}

/* What stands at the end of a line must be CRLF; p is behind it afterwards. */
static int line_end(struct ug__http_head *h, const char **p, const char *otherwise)
{
	const char *s = *p;
	if (s[0] == '\r' && s[1] == '\n') {
		*p = s + 2;
		return 0;
	}
	if (s[0] == '\n')
		return bad(h, "bare LF as line end");
	if (s[0] == '\r')
		return bad(h, "bare CR");
	return bad(h, otherwise);
}

/* ---- authority ---- */

static const char *skip_encoded(const char *p, const char *end, unsigned classes)
{
	while (p < end) {
		if (ug__http_is(*p, classes))
			p++;
		else if (*p == '%' && end - p >= 3 && ug__http_is(p[1], UG__CH_HEX) && ug__http_is(p[2], UG__CH_HEX))
			p += 3;
		else
			break;
	}
	return p;
}

/* What stands between [ and ]: an IPv6 address, or "v" 1*HEXDIG "." and more (RFC 3986 3.2.2). */
static bool ip_literal_ok(const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char addr[16];
	if (n > 0 && (s[0] | 0x20) == 'v') {
		size_t i = 1;
		while (i < n && ug__http_is(s[i], UG__CH_HEX))
			i++;
		if (i == 1 || i == n || s[i] != '.' || ++i == n)
			return false;
		while (i < n && (s[i] == ':' || ug__http_is(s[i], UG__CH_HOST)))
			i++;
		return i == n;
	}
	if (n >= sizeof text)
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	return inet_pton(AF_INET6, text, addr) == 1;
}

bool ug__http_authority_ok(const char *s, size_t n, bool with_port)
{
	const char *end = s + n, *p = s;
	if (n > 0 && s[0] == '[') {
		const char *close = memchr(s, ']', n);
		if (!close || !ip_literal_ok(s + 1, (size_t)(close - s - 1)))
			return false;
		p = close + 1;
	} else {
		p = skip_encoded(s, end, UG__CH_HOST);
	}
	if (p == s)
		return false;
	if (p == end)
		return !with_port;
	if (*p++ != ':')
		return false;
	if (p == end)
		return !with_port; /* port = *DIGIT */
	int64_t port = ug__http_digits(p, (size_t)(end - p));
	return port >= (with_port ? 1 : 0) && port <= 65535;
}

/* ---- request line ---- */

static uint8_t method_of(const char *s, size_t n)
{
	switch (n) {
	case 3:
		if (!memcmp(s, "GET", 3))
			return UG__HTTP_GET;
		return !memcmp(s, "PUT", 3) ? UG__HTTP_PUT : UG__HTTP_OTHER;
	case 4:
		if (!memcmp(s, "HEAD", 4))
			return UG__HTTP_HEAD;
		return !memcmp(s, "POST", 4) ? UG__HTTP_POST : UG__HTTP_OTHER;
	case 5:
		if (!memcmp(s, "PATCH", 5))
			return UG__HTTP_PATCH;
		return !memcmp(s, "TRACE", 5) ? UG__HTTP_TRACE : UG__HTTP_OTHER;
	case 6:
		return !memcmp(s, "DELETE", 6) ? UG__HTTP_DELETE : UG__HTTP_OTHER;
	case 7:
		if (!memcmp(s, "OPTIONS", 7))
			return UG__HTTP_OPTIONS;
		return !memcmp(s, "CONNECT", 7) ? UG__HTTP_CONNECT : UG__HTTP_OTHER;
	}
	return UG__HTTP_OTHER;
}

/* Characters of the class and well-formed %XX, as far as they go. Not %00: handlers get texts of C, which it would cut
 * short behind the back of whoever looked at the encoded one (RFC 3986 7.3). */
static const char *skip_target(const char *p, unsigned classes)
{
	for (;;) {
		while (ug__http_is(*p, classes))
			p++;
		if (*p != '%' || !ug__http_is(p[1], UG__CH_HEX) || !ug__http_is(p[2], UG__CH_HEX) ||
			(p[1] == '0' && p[2] == '0'))
			return p;
		p += 3;
	}
}

/* path [ "?" query ]; p is left at the first character that is neither. */
static void path_query(struct ug__http_head *h, const char *buf, const char **p)
{
	unsigned more = h->browser_urls ? UG__CH_BROWSER : 0;
	const char *s = *p, *e = skip_target(s, UG__CH_PATH | more);
	h->path = part(buf, s, e);
	h->query = part(buf, e, e);
	if (*e == '?') {
		s = e + 1;
		e = skip_target(s, UG__CH_QUERY | more);
		h->query = part(buf, s, e);
	}
	*p = e;
}

/* http://authority and then a path that begins with "/" or is empty (RFC 9112 3.2.2, RFC 9110 4.2). */
static int absolute_form(struct ug__http_head *h, const char *buf, const char **p)
{
	const char *s = *p, *e = s;
	while (*e != ':' && ug__http_is(*e, UG__CH_URL))
		e++;
	size_t scheme = (size_t)(e - s);
	if (!ug__http_same(s, scheme, "http") && !ug__http_same(s, scheme, "https"))
		return bad(h, "request target of no known form");
	if (e[0] != ':' || e[1] != '/' || e[2] != '/')
		return bad(h, "request target of no known form");
	s = e += 3;
	while (ug__http_is(*e, UG__CH_HOST) || *e == '%' || *e == ':' || *e == '[' || *e == ']')
		e++;
	if (*e == '@')
		return bad(h, "user information in the request target");
	if (!ug__http_authority_ok(s, (size_t)(e - s), false))
		return bad(h, "malformed authority in the request target");
	if (*e != '/' && *e != '?' && *e != ' ')
		return bad(h, "invalid character in the request target");
	h->form = UG__HTTP_ABSOLUTE;
	h->authority = part(buf, s, e);
	path_query(h, buf, &e);
	*p = e;
	return 0;
}

static int authority_form(struct ug__http_head *h, const char *buf, const char **p)
{
	const char *s = *p, *e = s;
	while (ug__http_is(*e, UG__CH_HOST) || *e == '%' || *e == ':' || *e == '[' || *e == ']')
		e++;
	if (!ug__http_authority_ok(s, (size_t)(e - s), true))
		return bad(h, "CONNECT needs host:port");
	h->form = UG__HTTP_AUTHORITY;
	h->authority = part(buf, s, e);
	h->path = h->query = part(buf, e, e);
	*p = e;
	return 0;
}

static int request_target(struct ug__http_head *h, const char *buf, const char **p)
{
	const char *s = *p;
	int err = 0;
	if (h->method == UG__HTTP_CONNECT) {
		err = authority_form(h, buf, p);
	} else if (*s == '/') {
		h->form = UG__HTTP_ORIGIN;
		path_query(h, buf, p);
	} else if (*s == '*' && s[1] == ' ') {
		h->form = UG__HTTP_ASTERISK;
		*p = s + 1;
		h->path = part(buf, s, s + 1);
		h->query = part(buf, s + 1, s + 1);
	} else if (*s == ' ') {
		return bad(h, "spare space in the request line");
	} else {
		err = absolute_form(h, buf, p);
	}
	h->target = part(buf, s, *p);
	return err;
}

static int http_version(struct ug__http_head *h, const char **p, const char *end)
{
	const char *s = *p;
	if (*s == ' ')
		return bad(h, "spare space in the request line");
	if (end - s < 9 || memcmp(s, "HTTP/", 5) != 0 || !ug__http_is(s[5], UG__CH_DIGIT) || s[6] != '.' ||
		!ug__http_is(s[7], UG__CH_DIGIT))
		return bad(h, "malformed HTTP version");
	*p = s + 8;
	int err = line_end(h, p, **p == ' ' ? "spare space in the request line" : "malformed HTTP version");
	if (err < 0)
		return err;
	if (s[5] != '1')
		return refuse(h, 505, "HTTP version not supported");
	h->minor = s[7] == '0' ? 0 : 1;
	return 0;
}

static int request_line(struct ug__http_head *h, const char *buf, const char **p, const char *end)
{
	const char *s = *p, *e = s;
	while (ug__http_is(*e, UG__CH_TOKEN))
		e++;
	if (e == s)
		return bad(h, *e == ' ' ? "spare space in the request line" : "malformed method");
	if (*e != ' ')
		return bad(h, "malformed method");
	if ((size_t)(e - s) > UG__HTTP_METHOD_BYTES)
		return refuse(h, 501, "method too long");
	h->name = part(buf, s, e);
	h->method = method_of(s, (size_t)(e - s));
	e++;
	int err = request_target(h, buf, &e);
	if (err < 0)
		return err;
	if (*e == '\n' || *e == '\r')
		return bad(h, "no HTTP version");
	if (*e != ' ')
		return bad(h, "invalid character in the request target");
	e++;
	err = http_version(h, &e, end);
	if (err == 0 && h->form == UG__HTTP_ASTERISK && h->method != UG__HTTP_OPTIONS)
		return bad(h, "the target * is for OPTIONS alone");
	*p = e;
	return err;
}

/* ---- fields ---- */

static int host(struct ug__http_head *h, const char *buf, struct ug__http_part v)
{
	if (h->stage != FIELDS)
		return bad(h, "Host in a trailer");
	if (h->has_host)
		return bad(h, "more than one Host");
	h->has_host = true;
	if (!ug__http_authority_ok(buf + v.at, v.len, false))
		return bad(h, "malformed Host");
	if (h->form == UG__HTTP_ORIGIN || h->form == UG__HTTP_ASTERISK)
		h->authority = v; /* else the target's counts (RFC 9112 3.2.2) */
	return 0;
}

static int content_length(struct ug__http_head *h, const char *buf, struct ug__http_part v)
{
	if (h->stage != FIELDS)
		return bad(h, "Content-Length in a trailer");
	if (h->content_length >= 0)
		return bad(h, "more than one Content-Length");
	h->content_length = ug__http_digits(buf + v.at, v.len);
	return h->content_length < 0 ? bad(h, "malformed Content-Length") : 0;
}

static int transfer_encoding(struct ug__http_head *h, const char *buf, struct ug__http_part v)
{
	if (h->stage != FIELDS)
		return bad(h, "Transfer-Encoding in a trailer");
	if (h->chunked)
		return bad(h, "more than one Transfer-Encoding");
	if (!ug__http_same(buf + v.at, v.len, "chunked"))
		return bad(h, "Transfer-Encoding other than chunked");
	h->chunked = true;
	return 0;
}

static int connection(struct ug__http_head *h, const char *buf, struct ug__http_part v)
{
	const char *item;
	size_t at = 0, n;
	if (h->stage != FIELDS)
		return bad(h, "Connection in a trailer");
	while (ug__http_list_next(buf + v.at, v.len, &at, &item, &n)) {
		for (size_t i = 0; i < n; i++)
			if (!ug__http_is(item[i], UG__CH_TOKEN))
				return bad(h, "malformed Connection");
		if (ug__http_same(item, n, "close"))
			h->close = true;
		else if (ug__http_same(item, n, "keep-alive"))
			h->keep_alive = true;
		else if (ug__http_same(item, n, "upgrade"))
			h->upgrade = true;
	}
	return 0;
}

static int expect(struct ug__http_head *h, const char *buf, struct ug__http_part v)
{
	if (h->stage != FIELDS)
		return bad(h, "Expect in a trailer");
	if (!ug__http_same(buf + v.at, v.len, "100-continue"))
		return refuse(h, 417, "expectation other than 100-continue");
	h->expect_continue = h->minor > 0; /* RFC 9110 10.1.1: of HTTP/1.0 it is ignored */
	return 0;
}

/* The fields that decide how the message is framed and where it goes. */
static int known_field(struct ug__http_head *h, const char *buf, const struct ug__http_field *f)
{
	const char *s = buf + f->name.at;
	switch (f->name.len) {
	case 4:
		return ug__http_same(s, 4, "host") ? host(h, buf, f->value) : 0;
	case 6:
		return ug__http_same(s, 6, "expect") ? expect(h, buf, f->value) : 0;
	case 10:
		return ug__http_same(s, 10, "connection") ? connection(h, buf, f->value) : 0;
	case 14:
		return ug__http_same(s, 14, "content-length") ? content_length(h, buf, f->value) : 0;
	case 17:
		return ug__http_same(s, 17, "transfer-encoding") ? transfer_encoding(h, buf, f->value) : 0;
	}
	return 0;
}

static int bad_name(struct ug__http_head *h, const char *name, const char *p)
{
	if (*p == ' ' || *p == '\t')
		return bad(h, p == name ? "folded line" : "space before the colon of a field");
	if (*p == ':')
		return bad(h, "field without a name");
	if (*p == '\n' || *p == '\r')
		return line_end(h, &p, NULL) < 0 ? UG_EPROTO_HTTP : bad(h, "field without a colon");
	return bad(h, "invalid character in a field name");
}

static int field_line(struct ug__http_head *h, const char *buf, const char **p, const char *end)
{
	const char *name = *p, *s = name;
	while (ug__http_is(*s, UG__CH_TOKEN))
		s++;
	if (s == name || *s != ':')
		return bad_name(h, name, s);
	struct ug__http_field f = {.name = part(buf, name, s)};
	s++;
	while (*s == ' ' || *s == '\t')
		s++;
	const char *e = ug__http_skip_value(s, end);
	*p = e;
	int err = line_end(h, p, "control character in a field");
	if (err < 0)
		return err;
	while (e > s && (e[-1] == ' ' || e[-1] == '\t'))
		e--;
	f.value = part(buf, s, e);
	if (h->nfields == h->max_fields)
		return refuse(h, 431, "too many fields");
	if (h->fields)
		h->fields[h->nfields] = f;
	h->nfields++;
	return known_field(h, buf, &f);
}

/* What can be said only when all fields are there. */
static int whole(struct ug__http_head *h)
{
	if (h->stage == FIELDS) {
		if (!h->has_host && h->minor > 0)
			return bad(h, "no Host");
		if (h->chunked && h->content_length >= 0)
			return bad(h, "Content-Length beside Transfer-Encoding");
		if (h->chunked && h->minor == 0)
			return bad(h, "Transfer-Encoding in HTTP/1.0");
	}
	h->stage = DONE;
	return 0;
}

static int parse_line(struct ug__http_head *h, const char *buf, const char **p, const char *end)
{
	bool empty = **p == '\r' && (*p)[1] == '\n';
	switch (h->stage) {
	case START:
	case AFTER_EMPTY:
		if (!empty) {
			int err = request_line(h, buf, p, end);
			if (err == 0)
				h->stage = FIELDS;
			return err;
		}
		if (h->stage == AFTER_EMPTY)
			return bad(h, "more than one empty line before the request");
		h->stage = AFTER_EMPTY;
		*p += 2;
		return 0;
	default:
		if (!empty)
			return field_line(h, buf, p, end);
		*p += 2;
		return whole(h);
	}
}

static int too_large(struct ug__http_head *h)
{
	if (h->stage == START || h->stage == AFTER_EMPTY)
		return refuse(h, 414, "request line too long");
	return refuse(h, 431, "fields too large");
}

ssize_t ug__http_head_feed(struct ug__http_head *h, const char *buf, size_t len)
{
	if (h->stage == REFUSED)
		return UG_EPROTO_HTTP;
	size_t cap = len < h->max_bytes ? len : h->max_bytes;
	if (cap > h->seen && h->stage != DONE) {
		const char *last = memrchr(buf + h->seen, '\n', cap - h->seen);
		const char *p = buf + h->at, *end = last ? last + 1 : p;
		h->seen = (uint32_t)cap;
		while (p < end && h->stage != DONE) {
			int err = parse_line(h, buf, &p, end);
			if (err < 0)
				return err;
		}
		h->at = (uint32_t)(p - buf);
	}
	if (h->stage == DONE)
		return h->at;
	return cap == h->max_bytes ? too_large(h) : 0;
}

static void init(
	struct ug__http_head *h, struct ug__http_field *fields, uint32_t max_fields, uint32_t max_bytes, uint8_t stage)
{
	*h = (struct ug__http_head){
		.max_bytes = max_bytes ? max_bytes : UG__HTTP_HEAD_BYTES,
		.max_fields = max_fields ? max_fields : UG__HTTP_HEAD_FIELDS,
		.fields = fields,
		.stage = stage,
		.content_length = -1,
	};
}

void ug__http_head_init(struct ug__http_head *h, struct ug__http_field *fields, uint32_t max_fields, uint32_t max_bytes)
{
	init(h, fields, max_fields, max_bytes, START);
}

void ug__http_trailer_init(
	struct ug__http_head *h, struct ug__http_field *fields, uint32_t max_fields, uint32_t max_bytes)
{
	init(h, fields, max_fields, max_bytes, TRAILER);
}

const struct ug__http_field *ug__http_head_next(
	const struct ug__http_head *h, const char *buf, const char *lower, uint32_t *from)
{
	while (*from < h->nfields) {
		const struct ug__http_field *f = &h->fields[(*from)++];
		if (ug__http_same(buf + f->name.at, f->name.len, lower))
			return f;
	}
	return NULL;
}
