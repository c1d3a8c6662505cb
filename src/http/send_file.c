/* SPDX-License-Identifier: MIT */
/*
 * A file as an answer: conditions, then ranges, then bytes (RFC 9110 13, 14).
 *
 * The entity tag is made of size and time of change to the nanosecond: a strong validator once the file is older than
 * the clock's steps, so one that changed just now gets a weak one, and no range is ever joined to another version. A
 * small file is read and goes out with its head in one write; a large one is moved by the kernel.
 *
 * Files of /proc have no size, and those of /sys that of a page: what is known to have more or less than its size says
 * is sent as it comes, with no validator and no ranges, since neither size nor time tell one state of it from another.
 *
 * Several ranges are one multipart/byteranges body, whose length is known beforehand, so that it needs no chunks.
 */
#include "http/server_priv.h"

#include "http/cond_priv.h"
#include "http/escape_priv.h"
#include "http/file_cache_priv.h"
#include "http/mime_priv.h"
#include "http/range_priv.h"
#include "http/text_priv.h"
#include "io/io.h"
#include <string.h>
#include <sys/random.h>

#define FRESH (100 * UG_MS) /* a file may change again without a new time of change */

struct sending {
	ug_http_response *r;
	ug_file *file;
	const char *bytes; /* all of the file's, where they are in memory; else NULL */
	int64_t size;
};

static int send_bytes(const struct sending *s, int64_t from, int64_t n)
{
	struct work *w = ug__http_work_of(s->r);
	ug_writer out = ug_http_writer(s->r);
	if (s->r->bodyless || n == 0)
		return 0;
	if (s->bytes) {
		ssize_t e = ug_write(out, s->bytes + from, (size_t)n);
		return e < 0 ? (int)e : 0;
	}
	if (n <= BODY_BYTES) { /* work->body is free: the length was said */
		for (int64_t at = 0; at < n;) {
			ssize_t got = ug_file_read_at(s->file, w->body + at, (size_t)(n - at), from + at);
			if (got <= 0)
				return got < 0 ? (int)got : UG_ESHORT;
			at += got;
		}
		ssize_t e = ug_write(out, w->body, (size_t)n);
		return e < 0 ? (int)e : 0;
	}
	struct ug_section section;
	ug_section_reader(&section, ug_file_reader_at(s->file), from, n);
	return ug__http_body_from(s->r, ug__section_within(&section), n);
}

/* "bytes FROM-TO/SIZE" */
static char *put_range(char *p, const struct ug__http_range *range, int64_t size)
{
	p = put_text(p, "bytes ");
	p = put_number(p, range->from);
	*p++ = '-';
	p = put_number(p, range->from + range->len - 1);
	*p++ = '/';
	return put_number(p, size);
}

/* ---- several ranges ---- */

struct parts {
	const struct ug__http_range *ranges;
	int n;
	const char *type;
	char boundary[17];
};

#define PART_HEAD 320
#define PART_TYPE 128

static size_t part_head(const struct parts *m, int i, int64_t size, char out[PART_HEAD])
{
	char *p = put_text(out, i > 0 ? "\r\n--" : "--");
	p = put_text(p, m->boundary);
	if (i == m->n)
		return (size_t)(put_text(p, "--\r\n") - out);
	p = put_text(p, "\r\nContent-Type: ");
	p = put_text(p, m->type);
	p = put_text(p, "\r\nContent-Range: ");
	p = put_range(p, &m->ranges[i], size);
	return (size_t)(put_text(p, "\r\n\r\n") - out);
}

static void new_boundary(char out[17])
{
	uint64_t v;
	if (getrandom(&v, sizeof v, GRND_NONBLOCK) != sizeof v)
		v = (uint64_t)ug_now() * 0x9e3779b97f4a7c15u;
	*put_hex(out, v | UINT64_C(1) << 63) = 0;
}

static int send_parts(const struct sending *s, const char *type, const struct ug__http_range *ranges, int n)
{
	struct parts m = {.ranges = ranges, .n = n, .type = type};
	char head[PART_HEAD] = "multipart/byteranges; boundary=";
	int64_t total = 0;
	new_boundary(m.boundary);
	strcat(head, m.boundary);
	UG_TRY(ug_http_set(s->r, "Content-Type", head));
	for (int i = 0; i <= n; i++)
		total += (int64_t)part_head(&m, i, s->size, head) + (i < n ? ranges[i].len : 0);
	UG_TRY(ug_http_length(s->r, total));
	for (int i = 0; i <= n && !s->r->bodyless; i++) {
		ssize_t e = ug_write(ug_http_writer(s->r), head, part_head(&m, i, s->size, head));
		UG_TRY(e < 0 ? (int)e : 0);
		if (i < n)
			UG_TRY(send_bytes(s, ranges[i].from, ranges[i].len));
	}
	return 0;
}

/* ---- the answer ---- */

/* A type that the handler has set, as a text of the request's; "" where there is no memory for it. */
static const char *type_set(ug_http_response *r)
{
	size_t n;
	const char *value = ug__http_field_of(r, "Content-Type", &n);
	char *type = ug_http_alloc(&ug__http_work_of(r)->q, n + 1);
	if (!type)
		return "";
	*(char *)mempcpy(type, value, n) = 0;
	return type;
}

/* By the name; where that says nothing, text for what begins like text: README, Makefile, LICENSE. */
static const char *type_by_name(ug_file *file, const char *name)
{
	char start[512];
	const char *type = ug__http_mime(name ? name : "");
	if (strcmp(type, UG__HTTP_MIME_UNKNOWN) != 0)
		return type;
	ssize_t n = ug_file_read_at(file, start, sizeof start, 0);
	return n > 0 && ug__http_is_text(start, (size_t)n) ? "text/plain; charset=utf-8" : type;
}

static const char *type_of(const struct sending *s, const char *name)
{
	return s->r->typed ? type_set(s->r) : type_by_name(s->file, name);
}

static void make_etag(char out[UG__HTTP_ETAG_BYTES], const struct ug_file_info *info, bool weak)
{
	char *p = out;
	if (weak)
		p = put_text(p, "W/");
	*p++ = '"';
	p = put_hex(p, (uint64_t)info->mtime);
	*p++ = '-';
	p = put_hex(p, (uint64_t)info->size);
	*p++ = '"';
	*p = 0;
}

/* The ranges to send; 0: all of it; -ERANGE. Conditions and ranges are for what would be a 200 (RFC 9110 13.2.1,
 * 14.2). */
static int wanted(ug_http_response *r, const struct ug__http_state *state, int64_t size, int64_t now,
	struct ug__http_range out[UG__HTTP_RANGES_MAX])
{
	struct work *w = ug__http_work_of(r);
	uint32_t from = 0;
	const struct ug__http_field *f = NULL;
	if (w->head.method == UG__HTTP_GET && r->status == 200) /* the only method that ranges are defined for */
		f = ug__http_head_next(&w->head, w->base, "range", &from);
	if (!f || ug__http_head_next(&w->head, w->base, "range", &from) ||
		!ug__http_if_range(&w->head, w->base, state, now))
		return 0;
	return ug__http_ranges(w->base + f->value.at, f->value.len, size, out);
}

/* Whether parts can be made: their heads have room for the type, and the length of all can be said (sparse files have
 * up to 2^63 - 1 bytes). */
static bool parts_fit(const char *type, int64_t size, int n)
{
	size_t len = strlen(type);
	return len > 0 && len < PART_TYPE && size < INT64_MAX - (n + 1) * PART_HEAD;
}

static int send_wanted(const struct sending *s, const char *type, const struct ug__http_range *ranges, int n)
{
	char text[96] = "bytes */";
	if (n < 0) {
		*put_number(text + 8, s->size) = 0;
		UG_TRY(ug_http_set(s->r, "Content-Range", text));
		return ug_http_error(s->r, 416, NULL);
	}
	UG_TRY(ug_http_set(s->r, "Accept-Ranges", "bytes"));
	if (n > 1 && !parts_fit(type, s->size, n))
		n = 0;
	if (n > 0)
		UG_TRY(ug_http_status(s->r, 206));
	if (n > 1)
		return send_parts(s, type, ranges, n);
	if (!s->r->typed)
		UG_TRY(ug_http_set(s->r, "Content-Type", type));
	if (n == 0) {
		UG_TRY(ug_http_length(s->r, s->size));
		return send_bytes(s, 0, s->size);
	}
	*put_range(text, ranges, s->size) = 0;
	UG_TRY(ug_http_set(s->r, "Content-Range", text));
	UG_TRY(ug_http_length(s->r, ranges->len));
	return send_bytes(s, ranges->from, ranges->len);
}

/* All that there is, whatever the file's size. */
static int send_as_it_comes(const struct sending *s, const char *type, int status)
{
	static const char *const told[] = {"ETag", "Last-Modified", "Accept-Ranges", "Content-Range"};
	struct ug_section section;
	for (size_t i = 0; i < UG_COUNT_OF(told); i++)
		ug__http_unset(s->r, told[i]);
	s->r->length = -1;
	UG_TRY(ug_http_status(s->r, status));
	UG_TRY(ug_http_set(s->r, "Content-Type", type));
	ug_reader src = ug_section_reader(&section, ug_file_reader_at(s->file), 0, INT64_MAX);
	return ug_copy(ug_http_writer(s->r), src, NULL);
}

/* What is known of the version; its type by `name` where facts has none. */
static int send_version(const struct sending *s, const struct ug__http_facts *facts, const char *name)
{
	ug_http_response *r = s->r;
	struct work *w = ug__http_work_of(r);
	struct ug__http_range ranges[UG__HTTP_RANGES_MAX];
	char date[UG__HTTP_DATE_LEN + 1];
	int64_t now = load_relaxed(&r->c->s->wall);
	struct ug__http_state state = {.exists = true, .etag = facts->etag, .modified = facts->modified};
	int asked = r->status;
	ug__http_date_format(date, facts->modified);
	UG_TRY(ug_http_set(r, "ETag", facts->etag));
	UG_TRY(ug_http_set(r, "Last-Modified", date));
	bool read = w->head.method == UG__HTTP_GET || w->head.method == UG__HTTP_HEAD;
	int status = read && asked == 200 ? ug__http_precondition(&w->head, w->base, &state, now) : 0;
	if (status == 304)
		return ug_http_status(r, 304);
	if (status)
		return ug_http_error(r, status, NULL);
	const char *type = facts->type ? facts->type : type_of(s, name);
	int e = send_wanted(s, type, ranges, wanted(r, &state, s->size, now, ranges));
	return e == UG_ESHORT && r->stage == OPEN ? send_as_it_comes(s, type, asked) : e;
}

int ug__http_send(ug_http_response *r, ug_file *file, const struct ug_file_info *info, const char *name)
{
	struct ug__http_facts facts = {.size = info->size, .modified = info->mtime / UG_SECOND};
	struct sending s = {.r = r, .file = file, .size = info->size};
	int64_t now = load_relaxed(&r->c->s->wall);
	ssize_t more = info->size == 0 ? ug_file_read_at(file, facts.etag, 1, 0) : 0;
	if (more != 0)
		return more < 0 ? (int)more : send_as_it_comes(&s, type_of(&s, name), r->status);
	/* RFC 9110 8.8.2.1: not after Date */
	facts.modified = facts.modified > now ? now : facts.modified < 0 ? 0 : facts.modified;
	make_etag(facts.etag, info, info->mtime > now * UG_SECOND - FRESH);
	return send_version(&s, &facts, name);
}

/* ---- of versions that are kept ---- */

bool ug__http_facts_of(const ug_http_server *s, ug_file *file, const struct ug_file_info *info, const char *name,
	struct ug__http_facts *out)
{
	int64_t modified = info->mtime / UG_SECOND;
	if (modified < 0 || modified > load_relaxed(&s->wall))
		return false;
	out->size = info->size;
	out->modified = modified;
	out->type = type_by_name(file, name);
	make_etag(out->etag, info, false); /* it will not change again without a new time of change */
	return true;
}

/* Whether no field asks for more than the whole file, or for less. */
static bool plain(const struct work *w)
{
	for (uint32_t i = 0; i < w->head.nfields; i++) {
		struct ug__http_part name = w->fields[i].name;
		const char *s = w->base + name.at;
		bool range = name.len == 5 && (s[0] | 0x20) == 'r';
		bool condition = name.len > 3 && (s[0] | 0x20) == 'i' && (s[1] | 0x20) == 'f' && s[2] == '-';
		if (range || condition)
			return false;
	}
	return true;
}

int ug__http_send_kept(ug_http_response *r, const struct ug__http_kept *k)
{
	struct sending s = {.r = r, .file = k->file, .bytes = k->bytes, .size = k->facts.size};
	if (!plain(ug__http_work_of(r)))
		return send_version(&s, &k->facts, NULL);
	if (r->bodyless) {
		UG_TRY(ug__http_add_lines(r, k->lines, k->lines_len));
		return ug_http_length(r, s.size);
	}
	UG_TRY(ug__http_begin(r, s.size, k->lines, k->lines_len));
	return send_bytes(&s, 0, s.size);
}

int ug_http_send_file(ug_http_response *r, ug_file *file, const char *name)
{
	struct ug_file_info info;
	UG_TRY(ug_file_stat(file, &info));
	return info.type == UG_TYPE_REGULAR ? ug__http_send(r, file, &info, name) : -EINVAL;
}
