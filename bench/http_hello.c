/* SPDX-License-Identifier: MIT */
/* A server that answers /hello at the address it is given, until bench/run, which drives it with wrk, ends it. */
#include <stdio.h>
#include <undergo/http.h>
#include <undergo/net.h>
#include <undergo/sched.h>

static int hello(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q, (void)arg;
	static const char text[] = "Hello, World!\n";
	return ug_http_reply(r, 200, "text/plain", text, sizeof text - 1);
}

static int serve(const char *address)
{
	UG_CLEAN(ug_http_server_clean) ug_http_server *s = NULL;
	ug_listener l;
	UG_TRY(ug_http_server_new(NULL, &s));
	UG_TRY(ug_http_route(s, "GET /hello", hello, NULL));
	UG_TRY(ug_listen("tcp", address, NULL, &l));
	return ug_http_serve(s, l);
}

static int app(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
		return 2;
	}
	int e = serve(argv[1]);
	if (e < 0)
		fprintf(stderr, "%s: %s\n", argv[1], ug_strerror(e));
	return e;
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
