/* SPDX-License-Identifier: MIT */
/* Files over HTTP: names, ranges, conditions, folders and their pages. */
#include "handlers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[256];
static char large[200000];

#define GET_WITH(path, field) "GET " path " HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n"

static const char *in_root(const char *name)
{
	static char path[600];
	snprintf(path, sizeof path, "%s/%s", root, name);
	return path;
}

/* 2020-02-03 04:05:06 UTC */
#define CHANGED 1580702706
#define CHANGED_TEXT "Mon, 03 Feb 2020 04:05:06 GMT"

static void make_file(const char *name, const void *data, size_t n)
{
	int fd = open(in_root(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_true(write(fd, data, n) == (ssize_t)n);
	struct timespec times[2] = {{.tv_sec = CHANGED}, {.tv_sec = CHANGED}};
	futimens(fd, times);
	close(fd);
}

static int make_tree(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%s/ug-files-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < sizeof large; i++)
		large[i] = (char)(i * 2654435761u >> 13);
	make_file("small.txt", "0123456789", 10);
	make_file("large.bin", large, sizeof large);
	make_file("empty", "", 0);
	make_file("README", "for people: gr\xc3\xbc\xc3\x9f dich\n", 23);
	make_file("blob", "\x7f\x45\x4c\x46\0\1", 6);
	make_file("a b%&'\"<i>.txt", "odd", 3);
	make_file(".hidden", "secret", 6);
	assert_int_equal(mkdir(in_root("dir"), 0755), 0);
	assert_int_equal(mkdir(in_root("site"), 0755), 0);
	assert_int_equal(mkdir(in_root("empty dir"), 0755), 0);
	assert_int_equal(mkdir(in_root(".git"), 0755), 0);
	make_file(".git/config", "secret", 6);
	make_file("site/index.html", "<p>site</p>", 11);
	make_file("dir/file10.txt", "10", 2);
	make_file("dir/file9.txt", "123456789", 9);
	make_file("dir/File1.txt", "1", 1);
	make_file("outside", "x", 1);
	assert_int_equal(symlink("/etc/passwd", in_root("out")), 0);
	assert_int_equal(symlink("../../../../../../etc", in_root("dir/up")), 0);
	assert_int_equal(symlink("small.txt", in_root("link.txt")), 0);
	assert_int_equal(symlink("../small.txt", in_root("dir/back.txt")), 0);
	assert_int_equal(symlink("loop", in_root("loop")), 0);
	assert_int_equal(mkfifo(in_root("fifo"), 0644), 0);
	return 0;
}

static int remove_tree_task(void *arg)
{
	(void)arg;
	return ug_remove_all(root);
}

static int remove_tree(void **state)
{
	(void)state;
	return ug_run(remove_tree_task, NULL, NULL);
}

static void routes(ug_http_server *s)
{
	static const struct ug_http_files_opts bare = {.index = "", .no_listing = 1, .show_hidden = 1};
	expect(ug_http_files(s, "/{path...}", root, NULL) == 0);
	expect(ug_http_files(s, "/bare/{path...}", root, &bare) == 0);
	expect(ug_http_files(s, "/x/{path...}", in_root("nope"), NULL) == -ENOENT);
	expect(ug_http_files(s, "/x/{path...}", in_root("small.txt"), NULL) == -ENOTDIR);
	expect(ug_http_files(s, "/x/{path}", root, NULL) == -EINVAL);
	expect(ug_http_files(s, "/x", root, NULL) == -EINVAL);
	expect(ug_http_files(s, "/{other...}", root, NULL) == -EEXIST);
}

/* The value of a field of an answer, in static storage. */
static const char *field_of(const struct answer *a, const char *name)
{
	static char value[256];
	char start[64];
	snprintf(start, sizeof start, "\r\n%s: ", name);
	const char *at = strstr(a->text, start), *end = at ? strstr(at + 2, "\r\n") : NULL;
	value[0] = 0;
	if (at && end)
		snprintf(value, sizeof value, "%.*s", (int)(end - at - strlen(start)), at + strlen(start));
	return value;
}

static const char *body_of(const struct answer *a)
{
	const char *at = strstr(a->text, "\r\n\r\n");
	return at ? at + 4 : "";
}

/* ---- whole files ---- */

static void whole_script(void)
{
	struct answer *a = say(GET("/small.txt"), THEN_CLOSE);
	expect(strncmp(a->text, "HTTP/1.1 200 OK\r\n", 17) == 0 && strcmp(body_of(a), "0123456789") == 0);
	expect(strcmp(field_of(a, "Content-Type"), "text/plain; charset=utf-8") == 0);
	expect(strcmp(field_of(a, "Last-Modified"), CHANGED_TEXT) == 0);
	expect(strcmp(field_of(a, "Accept-Ranges"), "bytes") == 0);
	expect(field_of(a, "ETag")[0] == '"');
	free(a);
	a = say(GET("/empty") GET("/small.txt"), THEN_CLOSE);
	expect(strcmp(field_of(a, "Content-Length"), "0") == 0 && strstr(a->text, "\r\n\r\n0123456789"));
	free(a);
	a = say(GET("/a%20b%25%26%27%22%3Ci%3E.txt"), THEN_CLOSE);
	expect(strcmp(body_of(a), "odd") == 0);
	free(a);
	a = say("HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n", THEN_CLOSE);
	expect(strcmp(field_of(a, "Content-Length"), "200000") == 0 && *body_of(a) == 0);
	free(a);
	expect_has(GET("/link.txt"), THEN_CLOSE, "HTTP/1.1 200 ", "0123456789");
	expect_has(GET("/dir/back.txt"), THEN_CLOSE, "HTTP/1.1 200 ", "0123456789");
	expect_has(GET("/site/"), THEN_CLOSE, "HTTP/1.1 200 ", "<p>site</p>");
	expect_has(GET("/README"), THEN_CLOSE, "HTTP/1.1 200 ", "Content-Type: text/plain; charset=utf-8\r\n");
	expect_has(GET("/blob"), THEN_CLOSE, "HTTP/1.1 200 ", "Content-Type: application/octet-stream\r\n");
	expect_has("POST /small.txt HTTP/1.1\r\nHost: a\r\n\r\n", THEN_CLOSE, "HTTP/1.1 405 ",
		"Allow: GET, HEAD, OPTIONS\r\n");
}

static void sends_whole_files(void **state)
{
	(void)state;
	play(NULL, routes, whole_script);
}

/* Over a real socket too: there the kernel moves it. */
static int fetch_large(void *arg)
{
	static char got[sizeof large + 1000];
	struct scene *s = arg;
	size_t n = 0;
	ug_conn c;
	char address[UG_ADDR_TEXT];
	ug_addr a;
	expect(ug_listener_addr(s->listener, &a) == 0);
	ug_addr_format(&a, address, sizeof address);
	expect(ug_dial("tcp", address, NULL, &c) == 0);
	expect(ug_write_text(ug_conn_writer(c), GET("/large.bin") GET_WITH("/large.bin", "Range: bytes=100000-")) > 0);
	expect(ug_conn_shutdown_write(c) == 0);
	const char *body = NULL;
	for (ssize_t k = 1; k > 0 && !(body && n >= (size_t)(body - got) + sizeof large); n += k > 0 ? (size_t)k : 0) {
		k = ug_conn_read(c, got + n, sizeof got - n);
		body = memmem(got, n + (k > 0 ? (size_t)k : 0), "\r\n\r\n", 4);
		body = body ? body + 4 : NULL;
	}
	expect(body && memcmp(body, large, sizeof large) == 0);
	size_t rest = body ? n - (size_t)(body - got) - sizeof large : 0;
	if (body)
		memmove(got, body + sizeof large, rest);
	n = rest;
	for (ssize_t k = 1; k > 0; n += k > 0 ? (size_t)k : 0)
		k = ug_conn_read(c, got + n, sizeof got - n);
	body = memmem(got, n, "\r\n\r\n", 4);
	expect(strncmp(got, "HTTP/1.1 206 ", 13) == 0);
	expect(body && n - (size_t)(body + 4 - got) == 100000 && memcmp(body + 4, large + 100000, 100000) == 0);
	ug_conn_close(c);
	ug_http_shutdown(s->server);
	return 0;
}

static int socket_task(void *arg)
{
	struct scene *s = arg;
	ug_group g;
	UG_TRY(ug_http_server_new(NULL, &s->server));
	routes(s->server);
	UG_TRY(ug_listen("tcp", "127.0.0.1:0", NULL, &s->listener));
	UG_GROUP(&g) {
		ug_group_go(&g, fetch_large, s);
		s->served = ug_http_serve(s->server, s->listener);
	}
	ug_listener_close(s->listener);
	ug_http_server_free(s->server);
	return ug_group_result(&g);
}

static void sends_large_files_over_sockets(void **state)
{
	(void)state;
	struct scene s = {0};
	run_expecting(socket_task, &s, NULL);
	assert_int_equal(s.served, 0);
}

/* ---- what is not served ---- */

static void refused_script(void)
{
	static const char *const gone[] = {"/nope", "/.hidden", "/.git/config", "/.git/", "/%2ehidden", "/fifo",
		"/small.txt/", "/small.txt/x", "/dir/nope", "/nope/", "/bare/dir/"};
	for (size_t i = 0; i < UG_COUNT_OF(gone); i++) {
		char in[256];
		snprintf(in, sizeof in, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", gone[i]);
		expect_has_at(gone[i], in, strlen(in), THEN_CLOSE, "HTTP/1.1 404 ", NULL);
	}
	/* probes cost the connection: the client keeps its side open, and a request behind them is not answered */
	static const char *const probes[] = {"/../etc/passwd", "/..", "/%2e%2e/etc/passwd", "/dir/..%2f..%2fetc/passwd",
		"/dir/../small.txt", "/a%00b", "/small.txt%00.png", "/out", "/dir/up/passwd", "/loop", "/./small.txt",
		"/bare/../small.txt"};
	for (size_t i = 0; i < UG_COUNT_OF(probes); i++) {
		char in[256];
		snprintf(in, sizeof in, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n" GET("/small.txt"), probes[i]);
		struct answer *a = say(in, KEEP_OPEN);
		bool ok = strncmp(a->text, "HTTP/1.1 400 ", 13) == 0 || strncmp(a->text, "HTTP/1.1 404 ", 13) == 0;
		if (!(ok && a->end == 0 && strstr(a->text, "Connection: close") && !strstr(a->text, "0123456789")) &&
			!failed) {
			snprintf(failed_text, sizeof failed_text, "%s: %.1000s", probes[i], a->text);
			failed = failed_text;
		}
		free(a);
	}
	expect_has(GET("/bare/.hidden"), THEN_CLOSE, "HTTP/1.1 200 ", "secret");
	expect_has(GET("/bare/site/"), THEN_CLOSE, "HTTP/1.1 404 ", NULL);
}

static void refuses_what_is_not_served(void **state)
{
	(void)state;
	play(NULL, routes, refused_script);
}

static void redirect_script(void)
{
	expect_has(GET("/dir"), THEN_CLOSE, "HTTP/1.1 301 ", "Location: /dir/\r\n");
	expect_has(GET("/dir?sort=size"), THEN_CLOSE, "HTTP/1.1 301 ", "Location: /dir/?sort=size\r\n");
	expect_has(GET("/empty%20dir"), THEN_CLOSE, "HTTP/1.1 301 ", "Location: /empty%20dir/\r\n");
	/* never to another host */
	expect_has(GET("//dir"), THEN_CLOSE, "HTTP/1.1 301 ", "Location: /dir/\r\n");
	expect_has(GET("////dir//"), THEN_CLOSE, "HTTP/1.1 200 ", NULL);
	expect_has(
		"GET http://evil//dir HTTP/1.1\r\nHost: a\r\n\r\n", THEN_CLOSE, "HTTP/1.1 301 ", "Location: /dir/\r\n");
}

static void redirects_folders(void **state)
{
	(void)state;
	play(NULL, routes, redirect_script);
}

/* ---- ranges and conditions ---- */

static void ranges_script(void)
{
	expect_has(GET_WITH("/small.txt", "Range: bytes=2-5"), THEN_CLOSE, "HTTP/1.1 206 ",
		"\r\nContent-Range: bytes 2-5/10\r\n");
	expect_has(GET_WITH("/small.txt", "Range: bytes=2-5"), THEN_CLOSE, "HTTP/1.1 206 ", "\r\n\r\n2345");
	expect_has(GET_WITH("/small.txt", "Range: bytes=-3"), THEN_CLOSE, "HTTP/1.1 206 ", "\r\n\r\n789");
	expect_has(GET_WITH("/small.txt", "Range: bytes=8-99"), THEN_CLOSE, "HTTP/1.1 206 ", "bytes 8-9/10");
	expect_has(GET_WITH("/small.txt", "Range: bytes=10-"), THEN_CLOSE, "HTTP/1.1 416 ",
		"Content-Range: bytes */10\r\n");
	expect_has(GET_WITH("/small.txt", "Range: bytes=5-2"), THEN_CLOSE, "HTTP/1.1 200 ", "0123456789");
	expect_has(GET_WITH("/small.txt", "Range: lines=1-2"), THEN_CLOSE, "HTTP/1.1 200 ", "0123456789");
	expect_has(GET_WITH("/small.txt", "Range: bytes=0-1\r\nRange: bytes=2-3"), THEN_CLOSE, "HTTP/1.1 200 ",
		"0123456789");
	expect_has("HEAD /small.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-5\r\n\r\n", THEN_CLOSE, "HTTP/1.1 200 ",
		"Content-Length: 10\r\n");
	struct answer *a = say(GET_WITH("/large.bin", "Range: bytes=100-199999"), THEN_CLOSE);
	expect(a->n > 100000 && memcmp(body_of(a), large + 100, 100000) == 0);
	free(a);
	/* several */
	a = say(GET_WITH("/small.txt", "Range: bytes=0-1,5-6,-1"), THEN_CLOSE);
	char boundary[64] = "", want[1024];
	expect(sscanf(field_of(a, "Content-Type"), "multipart/byteranges; boundary=%60s", boundary) == 1);
	int n = snprintf(want, sizeof want,
		"--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n"
		"--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 5-6/10\r\n\r\n56\r\n"
		"--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 9-9/10\r\n\r\n9\r\n"
		"--%s--\r\n",
		boundary, boundary, boundary, boundary);
	expect(strcmp(body_of(a), want) == 0 && atoi(field_of(a, "Content-Length")) == n);
	expect(strncmp(a->text, "HTTP/1.1 206 ", 13) == 0 && !strstr(a->text, "Content-Range: bytes 0-1/10\r\nAccept"));
	free(a);
	/* overlapping ones are one, and one needs no parts */
	expect_has(GET_WITH("/small.txt", "Range: bytes=0-3,2-5"), THEN_CLOSE, "HTTP/1.1 206 ",
		"Content-Range: bytes 0-5/10\r\n");
}

static void sends_ranges(void **state)
{
	(void)state;
	play(NULL, routes, ranges_script);
}

static void conditions_script(void)
{
	struct answer *a = say(GET("/small.txt"), THEN_CLOSE);
	char etag[256], in[1024];
	strcpy(etag, field_of(a, "ETag"));
	free(a);
	static const struct {
		const char *field, *status; /* %s: the entity tag */
	} cases[] = {
		{"If-None-Match: %s", "304"},
		{"If-None-Match: W/%s", "304"},
		{"If-None-Match: \"x\", %s", "304"},
		{"If-None-Match: *", "304"},
		{"If-None-Match: \"x\"", "200"},
		{"If-Match: %s", "200"},
		{"If-Match: \"x\"", "412"},
		{"If-Modified-Since: " CHANGED_TEXT, "304"},
		{"If-Modified-Since: Mon, 03 Feb 2020 04:05:05 GMT", "200"},
		{"If-Unmodified-Since: Mon, 03 Feb 2020 04:05:05 GMT", "412"},
		{"If-Unmodified-Since: " CHANGED_TEXT, "200"},
		{"Range: bytes=0-0\r\nIf-Range: %s", "206"},
		{"Range: bytes=0-0\r\nIf-Range: \"x\"", "200"},
		{"Range: bytes=0-0\r\nIf-Range: " CHANGED_TEXT, "206"},
		{"Range: bytes=0-0\r\nIf-Range: Mon, 03 Feb 2020 04:05:05 GMT", "200"},
		{"Range: bytes=0-0\r\nIf-None-Match: %s", "304"},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		char field[512], start[32];
		snprintf(field, sizeof field, cases[i].field, etag);
		snprintf(in, sizeof in, "GET /small.txt HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", field);
		snprintf(start, sizeof start, "HTTP/1.1 %s ", cases[i].status);
		expect_has_at(cases[i].field, in, strlen(in), THEN_CLOSE, start, "ETag: ");
	}
	snprintf(in, sizeof in, "GET /small.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: %s\r\n\r\n", etag);
	a = say(in, THEN_CLOSE);
	expect(*body_of(a) == 0 && !strstr(a->text, "Content-Length") &&
		strstr(a->text, "Last-Modified: " CHANGED_TEXT));
	free(a);
}

static void minds_conditions(void **state)
{
	(void)state;
	play(NULL, routes, conditions_script);
}

/* A tag made while the file can still change within the same tick of its clock must not serve to join ranges. */
static void fresh_script(void)
{
	int fd = open(in_root("fresh"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	struct timespec ahead[2] = {{.tv_sec = 4000000000}, {.tv_sec = 4000000000}};
	futimens(fd, ahead);
	close(fd);
	struct answer *a = say(GET("/fresh"), THEN_CLOSE);
	expect(strncmp(field_of(a, "ETag"), "W/\"", 3) == 0);
	expect(strcmp(field_of(a, "Last-Modified"), "Mon, 03 Oct 2096 07:06:40 GMT") != 0); /* not later than now */
	free(a);
	unlink(in_root("fresh"));
}

static void tells_fresh_files(void **state)
{
	(void)state;
	play(NULL, routes, fresh_script);
}

/* ---- pages ---- */

static bool in_order(const char *text, const char *const *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = strstr(text, parts[i]);
		if (!at)
			return false;
		text = at + 1;
	}
	return true;
}

static void page_script(void)
{
	struct answer *a = say(GET("/"), THEN_CLOSE);
	expect(strcmp(field_of(a, "Content-Type"), "text/html; charset=utf-8") == 0);
	expect(strstr(field_of(a, "Content-Security-Policy"), "default-src 'none'"));
	static const char *const all[] = {"<a href=\"dir/\"", "<a href=\"empty%20dir/\"", "<a href=\"site/\"",
		"<a href=\"a%20b%25%26%27%22%3Ci%3E.txt\"", "<bdi>a b%&amp;&#39;&quot;&lt;i&gt;.txt</bdi>",
		"<a href=\"blob\"", "<a href=\"empty\"", "<a href=\"large.bin\"", ">200 kB<", "2020-02-03 04:05",
		"<a href=\"link.txt\"", "<a href=\"small.txt\""};
	expect(in_order(a->text, all, UG_COUNT_OF(all)));
	static const char *const none[] = {
		".hidden", ".git", "\"out\"", "loop", "fifo", "<i>", "<script", "Parent folder"};
	for (size_t i = 0; i < UG_COUNT_OF(none); i++)
		expect(!strstr(a->text, none[i]));
	if (failed)
		print_error("%s\n", a->text);
	free(a);
	/* people's order, folders first; links that lead out are left away, those that stay are there */
	a = say(GET("/dir/"), THEN_CLOSE);
	static const char *const names[] = {
		"Parent folder", "back.txt", "File1.txt", "file9.txt", "file10.txt", "</table>"};
	expect(in_order(a->text, names, UG_COUNT_OF(names)) && !strstr(a->text, "href=\"up"));
	expect(strstr(a->text, "<a href=\"../\">Files</a>") && strstr(a->text, "<title>dir</title>"));
	free(a);
	a = say(GET("/dir/?sort=size&order=desc"), THEN_CLOSE);
	static const char *const sizes[] = {"back.txt", "file9.txt", "file10.txt", "File1.txt"};
	expect(in_order(a->text, sizes, UG_COUNT_OF(sizes)) && strstr(a->text, "aria-sort=\"descending\""));
	free(a);
	a = say(GET("/empty%20dir/"), THEN_CLOSE);
	expect(strstr(a->text, "This folder is empty."));
	free(a);
	a = say("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", THEN_CLOSE);
	expect(strncmp(a->text, "HTTP/1.1 200 ", 13) == 0 && *body_of(a) == 0);
	free(a);
}

static void lists_folders(void **state)
{
	(void)state;
	play(NULL, routes, page_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_whole_files),
		cmocka_unit_test(sends_large_files_over_sockets),
		cmocka_unit_test(refuses_what_is_not_served),
		cmocka_unit_test(redirects_folders),
		cmocka_unit_test(sends_ranges),
		cmocka_unit_test(minds_conditions),
		cmocka_unit_test(tells_fresh_files),
		cmocka_unit_test(lists_folders),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
