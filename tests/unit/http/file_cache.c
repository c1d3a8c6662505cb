/* SPDX-License-Identifier: MIT */
/*
 * Files kept at hand: what changes is seen in time, what is kept is bounded and given back, and answers are those that
 * a server without it gives. Time is virtual where it has to pass; only the steps of the file system's clock are waited
 * out.
 */
#include "handlers.h"
#include "tree.h"

#include "base/atomic.h"

#include <dirent.h>
#include <sys/resource.h>

#define BOUND (100 * UG_MS)
#define CHANGED_TEXT "Mon, 03 Feb 2020 04:05:06 GMT"
#define GET_WITH(path, field) "GET " path " HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n"

static void routes(ug_http_server *s)
{
	static const struct ug_http_files_opts few = {.cache_files = 4}, none = {.cache_time = -1},
					       long_time = {.cache_time = UG_MINUTE}, bad = {.cache_time = -2};
	expect(ug_http_files(s, "/{path...}", root, NULL) == 0);
	expect(ug_http_files(s, "/few/{path...}", root, &few) == 0);
	expect(ug_http_files(s, "/none/{path...}", root, &none) == 0);
	expect(ug_http_files(s, "/long/{path...}", root, &long_time) == 0);
	expect(ug_http_files(s, "/bad/{path...}", root, &bad) == -EINVAL);
	expect(ug_http_files(s, "/random/{path...}", "/proc/sys/kernel/random", NULL) == 0);
}

static const struct ug_opts virtual_time = {.virtual_clock = 1};
static void (*actual)(void);
static bool time_is_real;

/* While a connection is open: what is kept goes with the last. */
static void with_connection(void)
{
	ug_conn c;
	char in[1000];
	expect(ug_mem_dial(scene->listener, &c) == 0);
	expect(ug_conn_write(c, GET("/nope"), strlen(GET("/nope"))) > 0 && ug_conn_read(c, in, sizeof in) > 0);
	actual();
	ug_conn_close(c);
}

/* What was written before the kernel kept the thread off its core for long is not new any more after it, and is kept. A
 * run in which that happened proves nothing, and is repeated in a new tree. */
#define NEW (30 * UG_MS)
static uint32_t kept_off;

static void play_virtually(void (*script)(void))
{
	struct scene s;
	actual = script;
	for (int tries = 0; tries < 5; tries++) {
		s = (struct scene){.routes = routes, .script = with_connection};
		scene = &s;
		failed = NULL;
		store_relaxed(&kept_off, 0u);
		assert_int_equal(ug_run(play_task, &s, &virtual_time), 0);
		if (!failed || !load_relaxed(&kept_off))
			break;
		print_message("again: %s\n", failed);
		strcpy(strrchr(root, '-'), "-XXXXXX");
		assert_non_null(mkdtemp(root));
	}
	if (failed)
		print_error("%s\n", failed);
	assert_null(failed);
	assert_int_equal(s.served, 0);
}

static struct answer *get(const char *path)
{
	char in[300];
	snprintf(in, sizeof in, GET("%s"), path);
	int64_t before = ug_now();
	struct answer *a = say(in, THEN_CLOSE);
	if (load_relaxed(&made) && ug__clock_real() - load_relaxed(&made) > NEW)
		store_relaxed(&kept_off, 1u);
	expect(time_is_real || ug_now() == before); /* for something was at work all the time */
	return a;
}

/* The path's answer: the status, and of a 200 a body of n times c. */
static void expect_file_at(const char *where, const char *path, const char *status, char c, size_t n)
{
	struct answer *a = get(path);
	const char *body = strstr(a->text, "\r\n\r\n"), *length = strstr(a->text, "Content-Length: ");
	bool ok = strncmp(a->text + 9, status, 3) == 0 && body && length;
	if (ok && *status == '2') {
		size_t len = a->n - (size_t)(body + 4 - a->text);
		ok = len == n && strtoul(length + 16, NULL, 10) == n;
		for (size_t i = 0; ok && i < n; i++)
			ok = body[4 + i] == c;
	}
	if (!ok && !failed) {
		snprintf(failed_text, sizeof failed_text, "%s: %s: %.600s", where, path, a->text);
		failed = failed_text;
	}
	free(a);
}
#define expect_file(path, status, c, n) expect_file_at(__FILE__ ":" TEXT_OF(__LINE__), path, status, c, n)

/* ---- changes ---- */

static const size_t sizes[] = {1, 100, 8192, LARGE};

/* Replaced by another file: until the bound the old one may be sent, and is, for no time has passed. */
static void replaced_script(void)
{
	for (size_t i = 0; i < UG_COUNT_OF(sizes); i++) {
		make_file("r.txt", "a", sizes[i]);
		settle();
		expect_file("/r.txt", "200", 'a', sizes[i]);
		make_file("new", "b", sizes[i]);
		expect(rename(in_root("new"), in_root("r.txt")) == 0);
		expect_file("/r.txt", "200", 'a', sizes[i]);
		ug_sleep(BOUND);
		expect_file("/r.txt", "200", 'b', sizes[i]);
		/* and once it can be kept, by its second version too */
		settle();
		ug_sleep(BOUND);
		expect_file("/r.txt", "200", 'b', sizes[i]);
		make_file("new", "c", sizes[i]);
		expect(rename(in_root("new"), in_root("r.txt")) == 0);
		expect_file("/r.txt", "200", 'b', sizes[i]);
		ug_sleep(BOUND);
		expect_file("/r.txt", "200", 'c', sizes[i]);
	}
}

static void sees_replaced_files(void **state)
{
	(void)state;
	play_virtually(replaced_script);
}

/* Written over, with the same size and a time of change set back: the inode's own cannot be. */
static void edited_script(void)
{
	for (size_t i = 0; i < UG_COUNT_OF(sizes); i++) {
		make_file("e.txt", "a", sizes[i]);
		make_old("e.txt");
		settle();
		expect_file("/e.txt", "200", 'a', sizes[i]);
		make_file("e.txt", "b", sizes[i]);
		make_old("e.txt");
		ug_sleep(BOUND);
		expect_file("/e.txt", "200", 'b', sizes[i]);
	}
	make_file("e.txt", "a", 50);
	settle();
	expect_file("/e.txt", "200", 'a', 50);
	make_file("e.txt", "a", 60);
	ug_sleep(BOUND);
	expect_file("/e.txt", "200", 'a', 60);
}

static void sees_edited_files(void **state)
{
	(void)state;
	play_virtually(edited_script);
}

static void gone_script(void)
{
	for (size_t i = 0; i < UG_COUNT_OF(sizes); i++) {
		make_file("g.txt", "a", sizes[i]);
		settle();
		expect_file("/g.txt", "200", 'a', sizes[i]);
		unlink(in_root("g.txt"));
		ug_sleep(BOUND);
		expect_file("/g.txt", "404", 0, 0);
		make_file("g.txt", "b", sizes[i]);
		expect_file("/g.txt", "200", 'b', sizes[i]);
		unlink(in_root("g.txt"));
		expect(mkdir(in_root("g.txt"), 0755) == 0);
		ug_sleep(BOUND);
		expect_file("/g.txt", "301", 0, 0);
		rmdir(in_root("g.txt"));
	}
}

static void sees_removed_files(void **state)
{
	(void)state;
	play_virtually(gone_script);
}

static void forbidden_script(void)
{
	make_file("p.txt", "a", 100);
	settle();
	expect_file("/p.txt", "200", 'a', 100);
	expect(chmod(in_root("p.txt"), 0) == 0);
	ug_sleep(BOUND);
	expect_file("/p.txt", "403", 0, 0);
	expect(chmod(in_root("p.txt"), 0644) == 0);
	expect_file("/p.txt", "200", 'a', 100);
	unlink(in_root("p.txt"));
}

static void sees_forbidden_files(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip();
	play_virtually(forbidden_script);
}

/* Another folder at the place of one on the way, and a link that leads out. */
static void swapped_script(void)
{
	expect(mkdir(in_root("d"), 0755) == 0 && mkdir(in_root("other"), 0755) == 0);
	make_file("d/f", "a", 100);
	make_file("d/index.html", "i", 100);
	make_file("other/f", "b", 100);
	settle();
	expect_file("/d/f", "200", 'a', 100);
	expect_file("/d/", "200", 'i', 100);
	expect(rename(in_root("d"), in_root("was")) == 0 && rename(in_root("other"), in_root("d")) == 0);
	ug_sleep(BOUND);
	expect_file("/d/f", "200", 'b', 100);
	struct answer *a = get("/d/");
	expect(strstr(a->text, "<title>") && strstr(a->text, "\"f\"")); /* a listing: it has no index */
	free(a);
	settle();
	expect_file("/d/f", "200", 'b', 100);
	expect(rename(in_root("d"), in_root("again")) == 0 && symlink("/tmp", in_root("d")) == 0);
	ug_sleep(BOUND);
	expect_file("/d/f", "404", 0, 0);
	unlink(in_root("d"));
	/* the very folder that it was, but out of reach */
	make_file("again/f", "b", 100);
	expect(rename(in_root("again"), in_root("d")) == 0);
	settle();
	expect_file("/d/f", "200", 'b', 100);
	char outside[300];
	snprintf(outside, sizeof outside, "%s-outside", root);
	expect(rename(in_root("d"), outside) == 0 && symlink(outside, in_root("d")) == 0);
	ug_sleep(BOUND);
	expect_file("/d/f", "404", 0, 0);
	unlink(in_root("d"));
	expect(rename(outside, in_root("d")) == 0);
}

static void sees_swapped_folders(void **state)
{
	(void)state;
	play_virtually(swapped_script);
}

/* What may change again within one step of the clock is not kept, nor what the kernel makes up. */
static void never_kept_script(void)
{
	for (char c = 'a'; c <= 'z'; c++) {
		make_file("fresh.txt", &c, 100);
		expect_file("/long/fresh.txt", "200", c, 100);
	}
	struct answer *a = get("/random/uuid"), *b = get("/random/uuid");
	expect(strncmp(a->text, "HTTP/1.1 200 ", 13) == 0 && strcmp(a->text, b->text) != 0);
	free(a);
	free(b);
}

static void keeps_no_file_that_may_change_unseen(void **state)
{
	(void)state;
	play_virtually(never_kept_script);
}

/* Cut short while it is kept open: what is missing is seen as missing. */
static void shrunk_script(void)
{
	make_file("s.bin", "a", LARGE);
	settle();
	expect_file("/long/s.bin", "200", 'a', LARGE);
	expect(truncate(in_root("s.bin"), 1000) == 0);
	struct answer *a = get("/long/s.bin");
	expect(strstr(a->text, "Content-Length: 100000\r\n") && a->n < 2000);
	free(a);
	expect_file("/long/s.bin", "200", 'a', 1000); /* it is believed no longer */
}

static void tears_answers_of_files_that_shrink(void **state)
{
	(void)state;
	play_virtually(shrunk_script);
}

/* ---- bounds ---- */

/* But those that the monitor has open for a moment to ask the kernel about a thread, and the one that it takes to count
 * them. */
static int descriptors(void)
{
	int n = 0;
	char target[64];
	DIR *d = opendir("/proc/self/fd");
	for (struct dirent *e; d && (e = readdir(d));) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, target, sizeof target);
		n += len > 0 && strncmp(target, "/proc/", 6) != 0;
	}
	closedir(d);
	return n;
}

static void many_script(void)
{
	enum { FILES = 40 };
	char name[32], path[64];
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "m%d", i);
		make_file(name, &"abcdefghij"[i % 10], i % 2 ? LARGE : 1000);
	}
	settle();
	int before = descriptors();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < FILES; i++) {
			snprintf(path, sizeof path, "/few/m%d", i * 7 % FILES);
			expect_file(path, "200", "abcdefghij"[i * 7 % FILES % 10], i * 7 % FILES % 2 ? LARGE : 1000);
		}
		expect(descriptors() <= before + 4);
	}
	expect(descriptors() == before + 4);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "m%d", i);
		unlink(in_root(name));
	}
}

static void keeps_as_many_as_it_may(void **state)
{
	(void)state;
	play_virtually(many_script);
}

/* A connection is open; files that nobody asks for are closed. */
static void lingers_script(void)
{
	make_file("l.bin", "a", LARGE);
	settle();
	int before = descriptors();
	expect_file("/l.bin", "200", 'a', LARGE);
	expect(descriptors() == before + 1);
	ug_sleep(UG_SECOND);
	expect(descriptors() == before + 1);
	ug_sleep(3 * UG_SECOND);
	expect(descriptors() == before);
}

/* With the last connection all is given back, a little later: each may be the last. */
static void last_script(void)
{
	make_file("l.bin", "a", LARGE);
	settle();
	int before = descriptors();
	for (int i = 0; i < 5; i++) {
		expect_file("/long/l.bin", "200", 'a', LARGE);
		expect(descriptors() == before + 1);
	}
	ug_sleep(UG_SECOND + 100 * UG_MS);
	expect(descriptors() == before);
}

static void lets_go_of_what_nobody_asks_for(void **state)
{
	(void)state;
	struct scene s = {.routes = routes, .script = last_script};
	play_virtually(lingers_script);
	scene = &s;
	run_expecting(play_task, &s, &virtual_time);
}

static void short_script(void)
{
	int taken[300], n = 0;
	make_file("one.bin", "a", LARGE);
	make_file("two.bin", "b", LARGE);
	settle();
	expect_file("/one.bin", "200", 'a', LARGE);
	while (n < 300 && (taken[n] = dup(0)) >= 0)
		n++;
	expect(n < 300);
	expect_file("/two.bin", "200", 'b', LARGE);
	while (n > 0)
		close(taken[--n]);
}

static void gives_descriptors_back_when_they_run_short(void **state)
{
	(void)state;
	struct rlimit was, small = {.rlim_cur = 256};
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	small.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	play_virtually(short_script);
	setrlimit(RLIMIT_NOFILE, &was);
}

/* ---- answers ---- */

/* As a server without a cache answers, whatever is asked; but for the boundary between parts. */
static void same_script(void)
{
	static const char *const fields[] = {"X: y", "Range: bytes=2-5", "Range: bytes=-3", "Range: bytes=8-99999999",
		"Range: bytes=100000-", "Range: bytes=0-1,5-6,9-9", "If-None-Match: *", "If-None-Match: \"x\"",
		"If-None-Match: %s", "If-Match: %s", "If-Match: \"x\"", "If-Modified-Since: " CHANGED_TEXT,
		"If-Unmodified-Since: Mon, 03 Feb 2020 04:05:05 GMT", "Range: bytes=0-0\r\nIf-Range: %s",
		"Range: bytes=0-0\r\nIf-Range: \"x\"", "range: bytes=1-1", "IF-NONE-MATCH: *", "Connection: close"};
	static const char *const names[] = {"c.txt", "c.bin", "C", "site/"};
	make_file("c.txt", "0123456789", 0);
	make_file("c.bin", "c", LARGE);
	make_file("C", "#!/bin/sh\n", 0);
	expect(mkdir(in_root("site"), 0755) == 0);
	make_file("site/index.html", "<p>", 0);
	make_old("c.txt");
	make_old("c.bin");
	make_old("C");
	make_old("site/index.html");
	settle();
	for (size_t i = 0; i < UG_COUNT_OF(names); i++) {
		char path[64], etag[100] = "";
		snprintf(path, sizeof path, "/long/%s", names[i]);
		struct answer *first = get(path);
		const char *at = strstr(first->text, "ETag: ");
		expect(at && sscanf(at, "ETag: %99s", etag) == 1 && etag[0] == '"');
		free(first);
		for (size_t j = 0; j < 2 * UG_COUNT_OF(fields); j++) {
			struct answer *a[2];
			for (int k = 0; k < 2; k++) {
				char in[600], field[300];
				snprintf(field, sizeof field, fields[j / 2], etag);
				snprintf(in, sizeof in, "%s %s/%s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n",
					j % 2 ? "HEAD" : "GET", k ? "/none" : "/long", names[i], field);
				a[k] = say(in, THEN_CLOSE);
			}
			bool parts = strstr(a[0]->text, "boundary=");
			bool ok = a[0]->n == a[1]->n && (parts || memcmp(a[0]->text, a[1]->text, a[0]->n) == 0);
			if (!ok && !failed) {
				snprintf(failed_text, sizeof failed_text, "%s %s\n--- kept\n%.1000s\n--- not\n%.1000s",
					names[i], fields[j / 2], a[0]->text, a[1]->text);
				failed = failed_text;
			}
			free(a[0]);
			free(a[1]);
		}
	}
}

static void answers_as_without(void **state)
{
	(void)state;
	play_virtually(same_script);
}

/* ---- several processors ---- */

enum { HAMMERS = 8, ROUNDS = 60, HAMMERED = 6 };
static uint32_t hammering;

/* One whole version, whichever it is: as long as it says, and all of one letter. */
static void expect_whole(const char *path)
{
	struct answer *a = get(path);
	const char *body = strstr(a->text, "\r\n\r\n"), *length = strstr(a->text, "Content-Length: ");
	bool ok = strncmp(a->text, "HTTP/1.1 200 ", 13) == 0 && body && length;
	size_t n = ok ? a->n - (size_t)(body + 4 - a->text) : 0;
	ok = ok && n == strtoul(length + 16, NULL, 10) && n > 0;
	for (size_t i = 0; ok && i < n; i++)
		ok = body[4 + i] == body[4];
	expect(ok);
	free(a);
}

static int hammer(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char path[64];
	for (int i = 0; i < ROUNDS && !__atomic_load_n(&failed, __ATOMIC_RELAXED); i++) {
		seed = seed * 1103515245 + 12345;
		snprintf(path, sizeof path, "%s/h%u", seed >> 20 & 1 ? "" : "/few",
			seed >> 21 & 1 ? 0 : (seed >> 8) % HAMMERED);
		expect_whole(path);
	}
	__atomic_sub_fetch(&hammering, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int rewrite(void *arg)
{
	(void)arg;
	for (int i = 0; __atomic_load_n(&hammering, __ATOMIC_SEQ_CST) > 0; i++) {
		char name[32];
		snprintf(name, sizeof name, "h%d", i % HAMMERED);
		make_file("next", &"abcdefgh"[i % 8], i % 2 ? LARGE : (size_t)(i % 8000 + 1));
		expect(rename(in_root("next"), in_root(name)) == 0);
		ug_sleep(20 * UG_MS);
	}
	return 0;
}

static void hammer_script(void)
{
	ug_group g;
	for (int i = 0; i < HAMMERED; i++) {
		char name[32];
		snprintf(name, sizeof name, "h%d", i);
		make_file(name, "x", i % 2 ? LARGE : 500);
	}
	hammering = HAMMERS;
	settle();
	UG_GROUP(&g) {
		for (uintptr_t i = 0; i < HAMMERS; i++)
			ug_group_go(&g, hammer, (void *)(i + 1));
		ug_group_go(&g, rewrite, NULL);
	}
}

static void is_hammered(void **state)
{
	(void)state;
	struct scene s = {.routes = routes, .script = hammer_script};
	static const struct ug_opts two = {.procs = 2};
	scene = &s;
	time_is_real = true;
	run_expecting(play_task, &s, &two);
	time_is_real = false;
	assert_int_equal(s.served, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_replaced_files),
		cmocka_unit_test(sees_edited_files),
		cmocka_unit_test(sees_removed_files),
		cmocka_unit_test(sees_forbidden_files),
		cmocka_unit_test(sees_swapped_folders),
		cmocka_unit_test(keeps_no_file_that_may_change_unseen),
		cmocka_unit_test(tears_answers_of_files_that_shrink),
		cmocka_unit_test(keeps_as_many_as_it_may),
		cmocka_unit_test(lets_go_of_what_nobody_asks_for),
		cmocka_unit_test(gives_descriptors_back_when_they_run_short),
		cmocka_unit_test(answers_as_without),
		cmocka_unit_test(is_hammered),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
