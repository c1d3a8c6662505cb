/* SPDX-License-Identifier: MIT */
/* From paths of requests to names of files: what is safe, and what falls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "http/target_priv.h"
#include <undergo/base.h>

static void names_files(void **state)
{
	(void)state;
	static const struct {
		const char *path, *name;
		bool folder;
	} cases[] = {
		{"", ".", true},
		{"/", ".", true},
		{"//", ".", true},
		{"///", ".", true},
		{"/a", "a", false},
		{"/a/", "a", true},
		{"/a/b.txt", "a/b.txt", false},
		{"//a///b//", "a/b", true},
		{"/%61%2eb", "a.b", false},
		{"/a%20b", "a b", false},
		{"/a+b", "a+b", false},
		{"/%C3%A9", "\xc3\xa9", false},
		{"/%ff", "\xff", false},
		{"/a%5cb", "a\\b", false},
		{"/a%5c..%5cb", "a\\..\\b", false},
		{"/a..", "a..", false},
		{"/a..b/c.", "a..b/c.", false},
		{"/%25", "%", false},
		{"/%252e%252e/x", "%2e%2e/x", false},
		{"/a%0Ab", "a\nb", false},
		{"/~root", "~root", false},
		{"/a;b=c", "a;b=c", false},
		{"/C:", "C:", false},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		char out[64];
		bool folder = !cases[i].folder;
		int err = ug__http_path_name(cases[i].path, strlen(cases[i].path), false, out, sizeof out, &folder);
		if (err < 0)
			print_error("%s\n", cases[i].path);
		assert_int_equal(err, 0);
		assert_string_equal(out, cases[i].name);
		assert_int_equal(folder, cases[i].folder);
	}
}

static void refuses_traversal(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"/..",
		"/../",
		"/../etc/passwd",
		"/a/../b",
		"/a/..",
		"/a/b/../../..",
		"/%2e%2e/etc/passwd",
		"/.%2e/x",
		"/%2E./x",
		"/%2e%2E",
		"//../x",
		"/.",
		"/./a",
		"/a/.",
		"/%2e",
		"/a%2fb",
		"/a%2Fb",
		"/..%2f..%2fetc",
		"/%2fetc/passwd",
		"/%2e%2e%2fx",
		"/a%00",
		"/a%00.html",
		"/%00",
		"/..%00/",
		"/%",
		"/%4",
		"/a%zz",
		"/%u002e%u002e/",
		"/.git/../x",
		"/%c0%ae%c0%ae%00",
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		char out[64];
		bool folder = true;
		int err = ug__http_path_name(cases[i], strlen(cases[i]), true, out, sizeof out, &folder);
		if (err != -EINVAL)
			print_error("%s\n", cases[i]);
		assert_int_equal(err, -EINVAL);
		err = ug__http_path_name(cases[i], strlen(cases[i]), false, out, sizeof out, &folder);
		assert_int_equal(err, -EINVAL);
		assert_true(folder);
	}
}

static void hides_hidden_names(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"/.git", "/.git/config", "/a/.b", "/a/.b/", "/%2ehtaccess", "/...", "/..a", "/.a/b"};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		char out[64];
		bool folder;
		assert_int_equal(
			ug__http_path_name(cases[i], strlen(cases[i]), false, out, sizeof out, &folder), -ENOENT);
		assert_int_equal(ug__http_path_name(cases[i], strlen(cases[i]), true, out, sizeof out, &folder), 0);
	}
}

static void bounds_lengths(void **state)
{
	(void)state;
	char path[600], out[4096];
	bool folder;
	memset(path, 'a', sizeof path);
	path[0] = '/';
	assert_int_equal(ug__http_path_name(path, 256, false, out, sizeof out, &folder), 0); /* 255 of a name */
	assert_int_equal(ug__http_path_name(path, 257, false, out, sizeof out, &folder), -ENAMETOOLONG);
	for (size_t cap = 3; cap < 12; cap++) { /* never a byte beyond cap; the address sanitizer looks too */
		memset(out, '!', sizeof out);
		int err = ug__http_path_name("/abc/def", 8, false, out, cap, &folder);
		assert_int_equal(err, cap > 8 ? 0 : -ENAMETOOLONG);
		assert_int_equal(out[cap], '!');
		err = ug__http_path_name("/a/", 3, false, out, cap, &folder);
		assert_int_equal(err, 0);
		assert_int_equal(out[cap], '!');
	}
}

static void decodes(void **state)
{
	(void)state;
	char out[32];
	assert_int_equal(ug__http_decode("a%20b+c%2B", 10, true, out), 6);
	assert_string_equal(out, "a b c+");
	assert_int_equal(ug__http_decode("a+b", 3, false, out), 3);
	assert_string_equal(out, "a+b");
	assert_int_equal(ug__http_decode("", 0, true, out), 0);
	assert_int_equal(ug__http_decode("%00", 3, true, out), 1);
	assert_int_equal(ug__http_decode("%4", 2, true, out), -EINVAL);
	assert_int_equal(ug__http_decode("%", 1, true, out), -EINVAL);
	assert_int_equal(ug__http_decode("%41", 2, true, out), -EINVAL); /* bounded by n, not by the NUL */
	strcpy(out, "%41%42");
	assert_int_equal(ug__http_decode(out, 6, true, out), 2); /* in place */
	assert_string_equal(out, "AB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_files),
		cmocka_unit_test(refuses_traversal),
		cmocka_unit_test(hides_hidden_names),
		cmocka_unit_test(bounds_lengths),
		cmocka_unit_test(decodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
