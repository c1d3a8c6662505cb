/* SPDX-License-Identifier: MIT */
/* Which handler a request is for. */
#include "talk.h"

#define N(x) (sizeof(x) / sizeof((x)[0]))

/* Answers with its own pattern and what it captured. */
static int name(ug_http_request *q, ug_http_response *r, void *arg)
{
	static const char *const names[] = {"a", "b", "rest"};
	ug_writer w = ug_http_writer(r);
	UG_TRY(ug_fprintf(w, "<%s", (const char *)arg));
	for (size_t i = 0; i < N(names); i++) {
		const char *v = ug_http_param(q, names[i]);
		if (v)
			UG_TRY(ug_fprintf(w, " %s=%s", names[i], v));
	}
	return ug_fprintf(w, ">");
}

static const char *const patterns[] = {
	"GET /",
	"GET /x",
	"POST /x",
	"/any",
	"GET /u/{a}",
	"GET /u/me",
	"DELETE /u/{b}",
	"GET /u/{a}/posts/{b}",
	"GET /u/me/posts",
	"GET /u/{a}/{b}",
	"GET /f/{rest...}",
	"GET /f/{a}/x",
	"GET /f/known",
	"PUT /f/{a}",
	"GET /dir/",
	"GET /sp ace/%",
	"GET /m/{a}/",
	"HEAD /h",
	"GET /h",
	"GET   /spaces",
	"PROPFIND /dav",
};

static void routes(ug_http_server *s)
{
	for (size_t i = 0; i < N(patterns); i++)
		expect(ug_http_route(s, patterns[i], name, (void *)(uintptr_t)patterns[i]) == 0);
}

static const struct {
	const char *request, *want; /* what the answer has */
} cases[] = {
	{"GET /", "<GET />"},
	{"GET http://h", "<GET />"},
	{"GET /x", "<GET /x>"},
	{"GET /x?y", "<GET /x>"},
	{"GET /%78", "<GET /x>"},
	{"POST /x", "<POST /x>"},
	{"PUT /x", "405"},
	{"GET /x/", "404"},
	{"GET //x", "404"},
	{"GET /X", "404"},
	{"GET /xx", "404"},
	{"GET /y", "404"},
	{"BREW /any", "</any>"},
	{"GET /u/7", "<GET /u/{a} a=7>"},
	{"GET /u/me", "<GET /u/me>"},
	{"GET /u/mee", "<GET /u/{a} a=mee>"},
	{"GET /u/a%20b", "<GET /u/{a} a=a b>"},
	{"GET /u/a%2Fb", "<GET /u/{a} a=a/b>"},
	{"GET /u/", "404"},
	{"GET /u", "404"},
	{"DELETE /u/me", "<DELETE /u/{b} b=me>"}, /* /u/me is there for GET alone */
	{"GET /u/7/posts/9", "<GET /u/{a}/posts/{b} a=7 b=9>"},
	{"GET /u/me/posts", "<GET /u/me/posts>"},
	{"GET /u/me/posts/9", "<GET /u/{a}/posts/{b} a=me b=9>"}, /* the text branch leads nowhere */
	{"GET /u/me/other", "<GET /u/{a}/{b} a=me b=other>"},
	{"GET /u/7/posts", "<GET /u/{a}/{b} a=7 b=posts>"},
	{"GET /f/", "<GET /f/{rest...} rest=>"},
	{"GET /f", "404"},
	{"GET /f/a/b%2fc//d/", "<GET /f/{rest...} rest=a/b/c//d/>"},
	{"GET /f/known", "<GET /f/known>"},
	{"GET /f/known/x", "<GET /f/{a}/x a=known>"},
	{"GET /f/q/x", "<GET /f/{a}/x a=q>"},
	{"GET /f/q/y", "<GET /f/{rest...} rest=q/y>"},
	{"GET /f/q", "<GET /f/{rest...} rest=q>"}, /* {a} is there for PUT alone */
	{"PUT /f/q", "<PUT /f/{a} a=q>"},
	{"GET /dir/", "<GET /dir/>"},
	{"GET /dir", "404"},
	{"GET /sp%20ace/%25", "<GET /sp ace/%>"},
	{"GET /m/1/", "<GET /m/{a}/ a=1>"},
	{"GET /m/1", "404"},
	{"GET /spaces", "<GET   /spaces>"},
	{"PROPFIND /dav", "<PROPFIND /dav>"},
	{"HEAD /x", "Content-Length: 8"},
	{"HEAD /h", "Content-Length: 9"}, /* its own route goes before GET's */
	{"CONNECT h:1", "405 Method Not Allowed\r\nContent-Length: 23\r\nAllow: \r\n"},
	{"OPTIONS /x", "HTTP/1.1 204 No Content\r\nAllow: POST, GET, HEAD, OPTIONS\r\n\r\n"},
	{"PUT /x", "\r\nAllow: POST, GET, HEAD, OPTIONS\r\n"},
	{"POST /u/me", "\r\nAllow: GET, HEAD, DELETE, OPTIONS\r\n"},
	{"PATCH /f/q", "\r\nAllow: PUT, GET, HEAD, OPTIONS\r\n"},
	{"OPTIONS *", "HTTP/1.1 204 No Content\r\n\r\n"},
	{"OPTIONS /nope", "404"},
	{"OPTIONS /any", "</any>"},
};

static void finds_script(void)
{
	for (size_t i = 0; i < N(cases); i++) {
		char in[256];
		snprintf(in, sizeof in, "%s HTTP/1.1\r\nHost: h\r\n\r\n", cases[i].request);
		struct answer *a = say(in, THEN_CLOSE);
		const char *want = cases[i].want;
		if (!strstr(a->text, want) && !failed) {
			snprintf(failed_text, sizeof failed_text, "%s: not %s but\n%.2000s", cases[i].request, want,
				a->text);
			failed = failed_text;
		}
		free(a);
	}
}

static void finds_routes(void **state)
{
	(void)state;
	play(NULL, routes, finds_script);
}

static int nothing(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)r;
	(void)arg;
	return 0;
}

static void refuses_patterns(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "x", "GET", "GET ", "GET x", "G(T /", "/{", "/}", "/{}", "/{a", "/a}",
		"/x{a}", "/{a}x", "/{a}{b}", "/{a b}", "/{...}", "/{a...}/b", "/{a}/{a}", "/{a}/{a...}", "/{a.../b}",
		"/{*}", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}"};
	ug_http_server *s;
	assert_int_equal(ug_http_server_new(NULL, &s), 0);
	for (size_t i = 0; i < N(bad); i++) {
		if (ug_http_route(s, bad[i], nothing, NULL) != -EINVAL)
			print_error("taken: %s\n", bad[i]);
		assert_int_equal(ug_http_route(s, bad[i], nothing, NULL), -EINVAL);
	}
	assert_int_equal(ug_http_route(s, NULL, nothing, NULL), -EINVAL);
	assert_int_equal(ug_http_route(s, "/", NULL, NULL), -EINVAL);
	assert_int_equal(ug_http_route(s, "GET /a/{b}", nothing, NULL), 0);
	assert_int_equal(ug_http_route(s, "GET /a/{c}", nothing, NULL), -EEXIST);
	assert_int_equal(ug_http_route(s, "/a/{c}", nothing, NULL), 0);
	assert_int_equal(ug_http_route(s, "PUT /a/{c}", nothing, NULL), 0);
	assert_int_equal(ug_http_route(s, "PUT /a/{c...}", nothing, NULL), 0);
	ug_http_server_free(s);
}

static void busy_script(void)
{
	ug_conn c; /* once a connection is there, it serves */
	expect(ug_mem_dial(scene->listener, &c) == 0);
	struct ug_http_stats s = UG_ZERO;
	while (s.open == 0 && !failed) {
		ug_yield();
		ug_http_stats_get(scene->server, &s);
	}
	expect(ug_http_route(scene->server, "/late", nothing, NULL) == -EBUSY);
	ug_conn_close(c);
}

static void takes_no_routes_while_it_serves(void **state)
{
	(void)state;
	play(NULL, routes, busy_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_routes),
		cmocka_unit_test(refuses_patterns),
		cmocka_unit_test(takes_no_routes_while_it_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
