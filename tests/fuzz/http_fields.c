/* SPDX-License-Identifier: MIT */
/*
 * What is read from fields and paths, and what is escaped. Whatever the bytes: nothing outside them is read, ranges lie
 * inside the body and do not touch, a name stays below its folder, a date that was understood comes out the same, and
 * escaped text holds nothing that ends the place where it stands. The first byte chooses which, the second one a size.
 */
#include "http/chars_priv.h"
#include "http/cond_priv.h"
#include "http/date_priv.h"
#include "http/escape_priv.h"
#include "http/range_priv.h"
#include "http/target_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 4096
#define NOW INT64_C(1800000000)

#define must(cond)                                                                                                     \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			abort();                                                                                       \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ranges(const char *s, size_t n, unsigned choice)
{
	struct ug__http_range r[UG__HTTP_RANGES_MAX];
	int64_t size = choice == 255 ? INT64_MAX : choice == 254 ? INT64_MAX - 1 : choice * choice;
	int found = ug__http_ranges(s, n, size, r);
	must(found == -ERANGE || (found >= 0 && found <= UG__HTTP_RANGES_MAX));
	for (int i = 0; i < found; i++) {
		must(r[i].from >= 0 && r[i].len > 0 && r[i].len <= size - r[i].from);
		for (int k = 0; k < i; k++)
			must(r[i].from > r[k].from + r[k].len || r[k].from > r[i].from + r[i].len);
	}
}

static void dates(const char *s, size_t n)
{
	char text[UG__HTTP_DATE_LEN + 1];
	int64_t t, again;
	if (ug__http_date_parse(s, n, NOW, &t) < 0)
		return;
	ug__http_date_format(text, t);
	must(strlen(text) == UG__HTTP_DATE_LEN);
	must(ug__http_date_parse(text, UG__HTTP_DATE_LEN, NOW, &again) == 0 && again == t);
}

static void names(const char *s, size_t n, unsigned choice)
{
	char *out = malloc(n + 3);
	bool folder;
	must(out);
	if (ug__http_path_name(s, n, choice & 1, out, n + 3, &folder) == 0) {
		size_t len = strlen(out);
		must(len > 0 && out[0] != '/' && out[len - 1] != '/' && !strstr(out, "//"));
		for (char *at = out, *end; *at && strcmp(out, ".") != 0; at = *end ? end + 1 : end) {
			end = strchrnul(at, '/');
			must(!(end - at == 1 && at[0] == '.') && !(end - at == 2 && at[0] == '.' && at[1] == '.'));
			must((choice & 1) || at[0] != '.');
		}
	}
	free(out);
	out = malloc(n + 1);
	must(out);
	must(ug__http_decode(s, n, choice & 2, out) <= (ssize_t)n);
	free(out);
}

typedef size_t escape_fn(const char *s, size_t n, char *out, size_t cap);

static size_t escape_url(const char *s, size_t n, char *out, size_t cap)
{
	return ug__http_escape_url(s, n, "/", out, cap);
}

/* All of it, and the same cut short. */
static void escape(escape_fn *fn, const char *s, size_t n, size_t most, const char *never, size_t cap)
{
	char *out = malloc(most * n + 1), *cut = malloc(cap);
	must(out && cut);
	size_t len = fn(s, n, out, most * n + 1);
	must(len <= most * n && out[len] == 0 && strlen(out) == len);
	for (size_t i = 0; i < len; i++)
		must((unsigned char)out[i] >= 0x20 && out[i] != 0x7f && !strchr(never, out[i]));
	must(fn(s, n, cut, cap) == len);
	must(strlen(cut) < cap && memcmp(out, cut, strlen(cut)) == 0);
	free(out);
	free(cut);
}

static void escapes(const char *s, size_t n, unsigned choice)
{
	size_t cap = 1 + choice;
	escape(ug__http_escape_html, s, n, 6, "<>\"'", cap);
	escape(escape_url, s, n, 3, "<>\"'&?#: ", cap);
	escape(ug__http_escape_json, s, n, 6, "", cap);
	escape(ug__http_escape_log, s, n, 4, "\"", cap);
	ug__http_is_text(s, n);
}

static void conditions(const char *s, size_t n)
{
	static const char *const names[] = {"if-match", "if-none-match", "if-modified-since", "if-range"};
	for (size_t i = 0; i < 4; i++) {
		size_t len = strlen(names[i]);
		struct ug__http_field f = {{0, (uint32_t)len}, {(uint32_t)len, (uint32_t)n}};
		struct ug__http_head h = {.fields = &f, .nfields = 1, .method = UG__HTTP_GET};
		struct ug__http_state state = {.exists = true, .etag = "\"a\"", .modified = NOW - 1000};
		char *exact = malloc(len + n);
		must(exact);
		memcpy(exact, names[i], len);
		memcpy(exact + len, s, n);
		int status = ug__http_precondition(&h, exact, &state, NOW);
		must(status == 0 || (status == 412 && i == 0) || (status == 304 && i > 0));
		ug__http_if_range(&h, exact, &state, NOW);
		free(exact);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > INPUT_MAX)
		return 0;
	size_t n = size - 2;
	char *s = malloc(n ? n : 1); /* of the exact size */
	must(s);
	memcpy(s, data + 2, n);
	if (data[0] % 5 != 3) /* the parser of heads lets no control characters through */
		for (size_t i = 0; i < n; i++)
			s[i] = (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '\t' : s[i];
	switch (data[0] % 5) {
	case 0:
		ranges(s, n, data[1]);
		break;
	case 1:
		dates(s, n);
		break;
	case 2:
		names(s, n, data[1]);
		break;
	case 3:
		escapes(s, n, data[1]);
		break;
	default:
		conditions(s, n);
		break;
	}
	free(s);
	return 0;
}
