/* SPDX-License-Identifier: MIT */
/* Media types by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "http/mime_priv.h"
#include "http/mime_tables.h"
#include <undergo/base.h>

static void knows_usual_types(void **state)
{
	(void)state;
	static const struct {
		const char *name, *type;
	} cases[] = {
		{"index.html", "text/html; charset=utf-8"},
		{"a/b.c/INDEX.HTM", "text/html; charset=utf-8"},
		{"style.css", "text/css; charset=utf-8"},
		{"app.js", "text/javascript; charset=utf-8"},
		{"m.mjs", "text/javascript; charset=utf-8"},
		{"main.c", "text/plain; charset=utf-8"},
		{"README.md", "text/markdown; charset=utf-8"},
		{"x.json", "application/json"},
		{"x.wasm", "application/wasm"},
		{"x.svg", "image/svg+xml"},
		{"x.JPG", "image/jpeg"},
		{"x.png", "image/png"},
		{"x.webp", "image/webp"},
		{"x.mp4", "video/mp4"},
		{"x.pdf", "application/pdf"},
		{"x.tar.gz", "application/gzip"},
		{"x.zip", "application/zip"},
		{"x.woff2", "font/woff2"},
		{"x.3gp", "video/3gpp"},
		{"x.zst", "application/zstd"},
		{"none", "application/octet-stream"},
		{"", "application/octet-stream"},
		{"dot.", "application/octet-stream"},
		{"a.html/b", "application/octet-stream"},
		{"x.html5", "application/octet-stream"},
		{"x.unknownlongending", "application/octet-stream"},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++)
		assert_string_equal(ug__http_mime(cases[i].name), cases[i].type);
}

static void finds_every_entry(void **state)
{
	(void)state;
	for (size_t i = 0; i < UG_COUNT_OF(mime_table); i++) {
		char name[32] = "f.";
		strcat(name, mime_table[i].ending);
		assert_string_equal(ug__http_mime(name), mime_table[i].type);
		/* text is UTF-8 and says so */
		assert_int_equal(
			!strncmp(mime_table[i].type, "text/", 5), !!strstr(mime_table[i].type, "; charset=utf-8"));
	}
	assert_true(UG_COUNT_OF(mime_table) >= 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_usual_types),
		cmocka_unit_test(finds_every_entry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
