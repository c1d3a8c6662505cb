/* SPDX-License-Identifier: MIT */
/* Files that handlers send: of any size, under any status, as any type, and while they change. */
#include "talk.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define GET(path, field) "GET " path " HTTP/1.1\r\nHost: a\r\n" field "\r\n"

static int new_file(int64_t size, const char *text, ug_file **out)
{
	int fd = memfd_create("sent", MFD_CLOEXEC);
	expect(fd >= 0 && ftruncate(fd, size) == 0);
	expect(!text || pwrite(fd, text, strlen(text), 0) == (ssize_t)strlen(text));
	return ug_file_adopt(fd, out);
}

static int send_sparse(ug_http_request *q, ug_http_response *r, void *arg)
{
	UG_CLEAN(ug_file_clean) ug_file *f = NULL;
	(void)q;
	UG_TRY(new_file(*(int64_t *)arg, NULL, &f));
	return ug_http_send_file(r, f, "x.bin");
}

static int send_page(ug_http_request *q, ug_http_response *r, void *arg)
{
	UG_CLEAN(ug_file_clean) ug_file *f = NULL;
	(void)q;
	(void)arg;
	UG_TRY(new_file(10, "0123456789", &f));
	UG_TRY(ug_http_status(r, 404));
	return ug_http_send_file(r, f, "404.html");
}

static int send_typed(ug_http_request *q, ug_http_response *r, void *arg)
{
	UG_CLEAN(ug_file_clean) ug_file *f = NULL;
	(void)q;
	UG_TRY(new_file(10, "0123456789", &f));
	UG_TRY(ug_http_set(r, "X", "y"));
	UG_TRY(ug_http_set(r, "content-type", arg));
	return ug_http_send_file(r, f, "a.html");
}

static int send_named(ug_http_request *q, ug_http_response *r, void *arg)
{
	UG_CLEAN(ug_file_clean) ug_file *f = NULL;
	(void)q;
	UG_TRY(ug_file_open(arg, O_RDONLY, 0, &f));
	return ug_http_send_file(r, f, arg);
}

#define PROC "/proc/version"
#define SYS "/sys/devices/system/cpu/online"
static char proc[] = PROC, sys[] = SYS;

static int64_t most = INT64_MAX, nearly = INT64_MAX - 100000;
static char own_type[] = "image/x-of-mine";
static char long_type[300] = "text/plain; x=";

static void routes(ug_http_server *s)
{
	memset(long_type + strlen(long_type), 'y', sizeof long_type - 1 - strlen(long_type));
	ug_http_route(s, "GET /most", send_sparse, &most);
	ug_http_route(s, "GET /nearly", send_sparse, &nearly);
	ug_http_route(s, "GET /404", send_page, NULL);
	ug_http_route(s, "GET /typed", send_typed, own_type);
	ug_http_route(s, "GET /long", send_typed, long_type);
	ug_http_route(s, "GET " PROC, send_named, proc);
	ug_http_route(s, "GET " SYS, send_named, sys);
}

/* What came before we had enough of it. */
static void expect_begins(const char *in, const char *start, const char *part)
{
	struct answer *a = say(in, KEEP_OPEN);
	if ((strncmp(a->text, start, strlen(start)) != 0 || !strstr(a->text, part)) && !failed) {
		snprintf(failed_text, sizeof failed_text, "%s\n--- wanted\n%s ... %s\n--- got\n%.1000s", in, start,
			part, a->text);
		failed = failed_text;
	}
	free(a);
}

static void sizes_script(void)
{
	expect_begins(GET("/most", ""), "HTTP/1.1 200 ", "Content-Length: 9223372036854775807\r\n");
	expect_begins(GET("/most", "Range: bytes=9223372036854775806-9223372036854775807\r\nConnection: close\r\n"),
		"HTTP/1.1 206 ",
		"Content-Range: bytes 9223372036854775806-9223372036854775806/9223372036854775807\r\n");
	/* two parts of it and their heads would be more than can be said */
	expect_begins(
		GET("/most", "Range: bytes=0-0,2-\r\n"), "HTTP/1.1 200 ", "Content-Length: 9223372036854775807\r\n");
	expect_begins(GET("/nearly", "Range: bytes=0-0,2-\r\n"), "HTTP/1.1 206 ", "multipart/byteranges");
}

static void sends_files_of_any_size(void **state)
{
	(void)state;
	play(NULL, routes, sizes_script);
}

/* RFC 9110 13.2.1, 14.2: conditions and ranges are for answers that would be 200. */
static void status_script(void)
{
	expect_has(GET("/404", ""), THEN_CLOSE, "HTTP/1.1 404 ", "\r\n\r\n0123456789");
	expect_has(GET("/404", "If-None-Match: *\r\n"), THEN_CLOSE, "HTTP/1.1 404 ", "\r\n\r\n0123456789");
	expect_has(GET("/404", "If-Match: \"x\"\r\n"), THEN_CLOSE, "HTTP/1.1 404 ", "\r\n\r\n0123456789");
	expect_has(GET("/404", "Range: bytes=2-3\r\n"), THEN_CLOSE, "HTTP/1.1 404 ", "\r\n\r\n0123456789");
	expect_has(GET("/404", "Range: bytes=99-\r\n"), THEN_CLOSE, "HTTP/1.1 404 ", "\r\n\r\n0123456789");
}

static void keeps_the_status_that_was_set(void **state)
{
	(void)state;
	play(NULL, routes, status_script);
}

static void type_script(void)
{
	expect_has(GET("/typed", ""), THEN_CLOSE, "HTTP/1.1 200 ", "content-type: image/x-of-mine\r\n");
	expect_has(GET("/typed", "Range: bytes=1-2\r\n"), THEN_CLOSE, "HTTP/1.1 206 ",
		"content-type: image/x-of-mine\r\n");
	expect_has(GET("/typed", "Range: bytes=1-2,5-6\r\n"), THEN_CLOSE, "HTTP/1.1 206 ",
		"\r\nContent-Type: image/x-of-mine\r\nContent-Range: bytes 5-6/10\r\n\r\n56\r\n");
	expect_has(GET("/long", "Range: bytes=1-2\r\n"), THEN_CLOSE, "HTTP/1.1 206 ", "yyy\r\n");
	expect_has(GET("/long", "Range: bytes=1-2,5-6\r\n"), THEN_CLOSE, "HTTP/1.1 200 ", "\r\n\r\n0123456789");
}

static void keeps_the_type_that_was_set(void **state)
{
	(void)state;
	play(NULL, routes, type_script);
}

/* The kernel's own files say that they have no bytes, or a page of them. */
static void kernel_asks(const char *name, const char *const *asks, size_t n)
{
	UG_CLEAN(ug_file_clean) ug_file *f = NULL;
	char is[1000] = "", ask[256], want[1200];
	if (ug_file_open(name, O_RDONLY, 0, &f) < 0)
		return; /* not in this container */
	expect(ug_file_read(f, is, sizeof is - 1) > 0);
	for (size_t i = 0; i < n; i++) {
		snprintf(ask, sizeof ask, asks[i], name);
		snprintf(want, sizeof want, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nContent-Type: %s\r\n\r\n%s",
			strlen(is), "text/plain; charset=utf-8", *ask == 'G' ? is : "");
		expect_answer(ask, THEN_CLOSE, want);
	}
}

static void kernel_script(void)
{
	static const char *const asks[] = {
		GET("%s", ""),
		GET("%s", "Range: bytes=0-\r\n"),
		GET("%s", "Range: bytes=0-9999\r\n"),
		GET("%s", "If-None-Match: *\r\n"),
		"HEAD %s HTTP/1.1\r\nHost: a\r\n\r\n",
	};
	kernel_asks(proc, asks, UG_COUNT_OF(asks));
	kernel_asks(sys, asks, 3); /* those that look into it */
}

static void sends_files_that_do_not_know_their_size(void **state)
{
	(void)state;
	play(NULL, routes, kernel_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_files_of_any_size),
		cmocka_unit_test(keeps_the_status_that_was_set),
		cmocka_unit_test(keeps_the_type_that_was_set),
		cmocka_unit_test(sends_files_that_do_not_know_their_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
