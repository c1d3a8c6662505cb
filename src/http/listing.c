/* SPDX-License-Identifier: MIT */
/*
 * The page of a folder. It is one table, sorted by the server as the query says, so it needs no script; on a narrow
 * screen the style sheet puts size and date under the name. Names come from outside: they are escaped for where they
 * stand, links are relative with each byte but the plainest encoded, and the page forbids itself to load anything.
 */
#include "http/server_priv.h"

#include "http/escape_priv.h"
#include "http/listing_page.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 100000
#define SMALL 1000 /* entries of a folder whose page anybody may have */
#define HELD_MAX (4 * ENTRIES_MAX) /* of larger ones at a time: whoever reads slowly holds them for long */

enum { BY_NAME, BY_SIZE, BY_DATE };

struct order {
	int by;
	bool down;
};

struct page {
	ug_writer w;
	struct order order;
	char *text; /* for one name, escaped: TEXT_BYTES, not on the stack, whose touched pages a connection keeps */
};

#define TEXT_BYTES (6 * NAME_MAX + 1)

/* ---- order ---- */

/* As people sort: letters in any case, runs of digits by their value. */
static int compare_names(const char *a, const char *b)
{
	const char *start_a = a, *start_b = b;
	while (*a && *b) {
		bool digits = *a >= '0' && *a <= '9' && *b >= '0' && *b <= '9';
		if (digits) {
			a += strspn(a, "0");
			b += strspn(b, "0");
			size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
			int d = n != m ? (n < m ? -1 : 1) : memcmp(a, b, n);
			if (d)
				return d;
			a += n;
			b += m;
			continue;
		}
		unsigned char x = (unsigned char)*a++, y = (unsigned char)*b++;
		x |= x >= 'A' && x <= 'Z' ? 0x20 : 0;
		y |= y >= 'A' && y <= 'Z' ? 0x20 : 0;
		if (x != y)
			return x < y ? -1 : 1;
	}
	if (*a || *b)
		return *a ? 1 : -1;
	return strcmp(start_a, start_b);
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct ug_dir_item *x = a, *y = b;
	const struct order *o = arg;
	bool dx = x->info.type == UG_TYPE_DIR, dy = y->info.type == UG_TYPE_DIR;
	int64_t d = 0;
	if (dx != dy)
		return dx ? -1 : 1; /* folders first, whatever the order */
	if (o->by == BY_SIZE && !dx)
		d = (x->info.size > y->info.size) - (x->info.size < y->info.size);
	else if (o->by == BY_DATE)
		d = (x->info.mtime > y->info.mtime) - (x->info.mtime < y->info.mtime);
	if (d == 0)
		d = compare_names(x->name, y->name);
	return (int)(o->down ? -d : d);
}

static struct order order_of(ug_http_request *q)
{
	const char *sort = ug_http_query(q, "sort"), *order = ug_http_query(q, "order");
	struct order o = {.by = BY_NAME};
	if (sort && strcmp(sort, "size") == 0)
		o.by = BY_SIZE;
	else if (sort && strcmp(sort, "date") == 0)
		o.by = BY_DATE;
	o.down = order && strcmp(order, "desc") == 0;
	return o;
}

/* ---- pieces ---- */

static int put_size(ug_writer w, int64_t size)
{
	static const char units[][3] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	if (size < 1000)
		return ug_fprintf(w, "%lld B", (long long)size);
	int unit = 0;
	int64_t tenths = size / 100;
	while (tenths >= 9995 && unit < 5) {
		tenths /= 1000;
		unit++;
	}
	if (tenths < 1000)
		return ug_fprintf(w, "%lld.%lld %s", (long long)tenths / 10, (long long)tenths % 10, units[unit]);
	return ug_fprintf(w, "%lld %s", (long long)(tenths + 5) / 10, units[unit]);
}

static int put_date(ug_writer w, int64_t mtime)
{
	int64_t t = mtime / UG_SECOND, days = t / 86400, year;
	unsigned month, day, sec;
	if (t < 0)
		return 0;
	sec = (unsigned)(t - days * 86400);
	ug__http_civil(days, &year, &month, &day);
	return ug_fprintf(w, "<time datetime=\"%04lld-%02u-%02uT%02u:%02u:%02uZ\">%04lld-%02u-%02u %02u:%02u</time>",
		(long long)year, month, day, sec / 3600, sec / 60 % 60, sec % 60, (long long)year, month, day,
		sec / 3600, sec / 60 % 60);
}

static int put(ug_writer w, const char *text)
{
	ssize_t e = ug_write_text(w, text);
	return e < 0 ? (int)e : 0;
}

static size_t name_size(size_t n)
{
	return n < NAME_MAX ? n : NAME_MAX;
}

static int put_name(const struct page *p, const char *name, size_t n)
{
	ug__http_escape_html(name, name_size(n), p->text, TEXT_BYTES);
	return ug_fprintf(p->w, "<bdi>%s</bdi>", p->text);
}

static int put_url(const struct page *p, const char *name, size_t n)
{
	ug__http_escape_url(name, name_size(n), "", p->text, TEXT_BYTES);
	return put(p->w, p->text);
}

/* ---- rows ---- */

static int put_row(const struct page *p, const struct ug_dir_item *item)
{
	bool dir = item->info.type == UG_TYPE_DIR;
	ug_writer w = p->w;
	UG_TRY(put(w, dir ? "<tr class=\"dir\"><th scope=\"row\"><a href=\"" : "<tr><th scope=\"row\"><a href=\""));
	UG_TRY(put_url(p, item->name, item->name_size));
	UG_TRY(put(w, dir ? "/\">" LISTING_ICON_DIR : "\">" LISTING_ICON_FILE));
	UG_TRY(put_name(p, item->name, item->name_size));
	UG_TRY(put(w,
		dir ? "<span class=\"slash\">/</span></a></th><td class=\"size\">" : "</a></th><td class=\"size\">"));
	if (!dir && item->info.type == UG_TYPE_REGULAR) {
		UG_TRY(ug_fprintf(w, "<data value=\"%lld\">", (long long)item->info.size));
		UG_TRY(put_size(w, item->info.size));
		UG_TRY(put(w, "</data>"));
	}
	UG_TRY(put(w, "</td><td class=\"date\">"));
	UG_TRY(put_date(w, item->info.mtime));
	return put(w, "</td></tr>\n");
}

static int put_column(const struct page *p, int by, const char *key, const char *label)
{
	bool current = p->order.by == by;
	/* A first look at sizes and dates wants the largest, the newest; names start at the front. */
	bool down = current ? !p->order.down : by != BY_NAME;
	const char *sorted = !current ? "" : p->order.down ? " aria-sort=\"descending\"" : " aria-sort=\"ascending\"";
	return ug_fprintf(p->w, "<th scope=\"col\" class=\"%s\"%s><a href=\"?sort=%s&amp;order=%s\">%s</a></th>", key,
		sorted, key, down ? "desc" : "asc", label);
}

/* The way from the root to here, each step a link. */
static int put_crumbs(const struct page *p, const char *name)
{
	ug_writer w = p->w;
	bool root = strcmp(name, ".") == 0;
	int depth = root ? 0 : 1;
	for (const char *s = name; *s; s++)
		depth += *s == '/';
	UG_TRY(put(w, "<nav aria-label=\"Path\"><ol>"));
	for (int step = 0; step <= depth; step++) {
		const char *end = strchrnul(name, '/');
		UG_TRY(put(w, "<li><a"));
		UG_TRY(put(w, step == depth ? " aria-current=\"page\" href=\"./\">" : " href=\""));
		for (int up = depth - step; up > 0; up--)
			UG_TRY(put(w, "../"));
		UG_TRY(put(w, step == depth ? "" : "\">"));
		UG_TRY(step == 0 ? put(w, "Files") : put_name(p, name, (size_t)(end - name)));
		UG_TRY(put(w, "</a></li>"));
		if (step > 0 && *end)
			name = end + 1;
	}
	return put(w, "</ol></nav>");
}

/* The folder's own name, as text alone. */
static int put_last(const struct page *p, const char *name)
{
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
	if (strcmp(name, ".") == 0)
		return put(p->w, "Files");
	ug__http_escape_html(last, name_size(strlen(last)), p->text, TEXT_BYTES);
	return put(p->w, p->text);
}

static int put_top(const struct page *p, const char *name)
{
	UG_TRY(put(p->w, LISTING_TOP "<title>"));
	UG_TRY(put_last(p, name));
	UG_TRY(put(p->w, "</title>\n" LISTING_STYLE "</head>\n<body>\n" LISTING_ICONS "<header><h1>"));
	UG_TRY(put_last(p, name));
	UG_TRY(put(p->w, "</h1>"));
	return put_crumbs(p, name);
}

static int put_counts(ug_writer w, const struct ug_dir_item *items, size_t n)
{
	size_t dirs = 0, files = 0;
	int64_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		if (items[i].info.type == UG_TYPE_DIR) {
			dirs++;
			continue;
		}
		files++;
		if (items[i].info.type == UG_TYPE_REGULAR) /* sparse files may have any size */
			bytes = items[i].info.size < INT64_MAX - bytes ? bytes + items[i].info.size : INT64_MAX;
	}
	UG_TRY(put(w, "<p>"));
	if (dirs > 0)
		UG_TRY(ug_fprintf(w, "%zu %s, ", dirs, dirs == 1 ? "folder" : "folders"));
	UG_TRY(ug_fprintf(w, "%zu %s, ", files, files == 1 ? "file" : "files"));
	UG_TRY(put_size(w, bytes));
	return put(w, "</p></header>\n<main>\n");
}

static int put_table(const struct page *p, const struct ug_dir_item *items, size_t n, bool root)
{
	UG_TRY(put(p->w, "<table>\n<thead><tr>"));
	UG_TRY(put_column(p, BY_NAME, "name", "Name"));
	UG_TRY(put_column(p, BY_SIZE, "size", "Size"));
	UG_TRY(put_column(p, BY_DATE, "date", "Changed <abbr title=\"Coordinated Universal Time\">(UTC)</abbr>"));
	UG_TRY(put(p->w, "</tr></thead>\n<tbody>\n"));
	if (!root)
		UG_TRY(put(p->w, LISTING_PARENT));
	for (size_t i = 0; i < n; i++)
		UG_TRY(put_row(p, &items[i]));
	UG_TRY(put(p->w, "</tbody>\n</table>\n"));
	return n == 0 ? put(p->w, "<p class=\"empty\">This folder is empty.</p>\n") : 0;
}

/* ---- what is shown ---- */

/* A link that leads out of the root would be a 404, and says nothing about what is there. `path` has room for its
 * name. */
static bool leads_out(const struct listing *l, const struct ug_dir_item *item, char *path)
{
	ug_file *file = NULL;
	if (!path || item->name_size > NAME_MAX)
		return true;
	char *p = stpcpy(path, l->name);
	*p++ = '/';
	memcpy(p, item->name, item->name_size + 1);
	if (ug_file_open_beneath(l->root, path, O_PATH, 0, &file) < 0)
		return true;
	ug_file_close(file);
	return false;
}

/* Moves what is to be shown to the front; answers how much that is. */
static size_t choose(ug_http_request *q, const struct listing *l, struct ug_dir_item *items, size_t n)
{
	char *path = ug_http_alloc(q, strlen(l->name) + NAME_MAX + 2);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		const struct ug_dir_item *item = &items[i];
		bool served =
			item->error == 0 && (item->info.type == UG_TYPE_REGULAR || item->info.type == UG_TYPE_DIR);
		if (served && (l->show_hidden || item->name[0] != '.') && !(item->is_link && leads_out(l, item, path)))
			items[kept++] = *item;
	}
	return kept;
}

static int send_page(ug_http_request *q, ug_http_response *r, const struct listing *l, struct ug_dir_listing *list)
{
	struct page p = {.w = ug_http_writer(r), .order = order_of(q), .text = ug_http_alloc(q, TEXT_BYTES)};
	if (!p.text)
		return -ENOMEM;
	size_t n = choose(q, l, list->items, list->count);
	if (n > 1)
		qsort_r(list->items, n, sizeof *list->items, compare, &p.order);
	UG_TRY(ug_http_set(r, "Content-Type", "text/html; charset=utf-8"));
	UG_TRY(ug_http_set(r, "Cache-Control", "no-cache"));
	UG_TRY(ug_http_set(r, "Content-Security-Policy", LISTING_POLICY));
	UG_TRY(ug_http_set(r, "X-Content-Type-Options", "nosniff"));
	UG_TRY(put_top(&p, l->name));
	UG_TRY(put_counts(p.w, list->items, n));
	UG_TRY(put_table(&p, list->items, n, strcmp(l->name, ".") == 0));
	return put(p.w, LISTING_END);
}

void ug__http_listings_init(ug_sem *held)
{
	ug_sem_init(held, HELD_MAX);
}

int ug__http_listing(ug_http_request *q, ug_http_response *r, const struct listing *l)
{
	UG_CLEAN(ug_dir_listing_done) struct ug_dir_listing list = UG_ZERO;
	int e = ug_dir_list(l->dir, ENTRIES_MAX, &list);
	if (e == -EFBIG)
		return ug_http_error(r, 500, "too many entries to list");
	UG_TRY(e);
	int64_t held = list.count > SMALL ? (int64_t)list.count : 0;
	if (ug_sem_try_acquire(l->held, held) < 0)
		return ug_http_error(r, 503, "too many large folders are being listed");
	e = send_page(q, r, l, &list);
	ug_sem_release(l->held, held);
	return e;
}
