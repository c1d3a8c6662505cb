/* SPDX-License-Identifier: MIT */
/*
 * The last answer of a connection that the server ends. A kernel that closes a socket with unread bytes resets it, and
 * throws away what is still on its way; so this goes over real sockets.
 */
#include "handlers.h"

#include <unistd.h>

#define BODY 200000

static char body[BODY];

static int parting(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	UG_TRY(pass_gate());
	UG_TRY(ug_http_set(r, "Connection", "close"));
	return ug_http_reply(r, 200, NULL, body, sizeof body);
}

static int serve_socket(void *arg)
{
	struct scene *s = arg;
	s->served = ug_http_serve(s->server, s->listener);
	return 0;
}

/* All that comes, until the end: how much, and the code at the end. */
static size_t drain(ug_conn c, ssize_t *end)
{
	static char away[4096];
	size_t n = 0;
	UG_WITH_TIMEOUT(PATIENCE) {
		while ((*end = ug_conn_read(c, away, sizeof away)) > 0)
			n += (size_t)*end;
	}
	return n;
}

static int talk(struct scene *s)
{
	char address[UG_ADDR_TEXT];
	ug_addr a;
	ug_conn c;
	ssize_t end = -1;
	UG_TRY(ug_listener_addr(s->listener, &a));
	ug_addr_format(&a, address, sizeof address);
	UG_TRY(ug_dial("tcp", address, NULL, &c));
	expect(ug_conn_set(c, UG_CONN_READ_BUFFER, 4096) == 0);
	expect(ug_write_text(ug_conn_writer(c), GET("/")) > 0);
	expect(ug_sem_acquire(&entered, 1) == 0);
	expect(ug_write_text(ug_conn_writer(c), GET("/") GET("/")) >
		0); /* how should it know that there will be no more? */
	expect(ug_sem_release(&leave, 1) == 0);
	struct ug_http_stats stats = {.requests = 0};
	/* The answer is in the kernel's hands once the server has closed its side or waits to. */
	for (int i = 0; i < 50 && stats.requests == 0; i++) {
		expect(ug_sleep(UG_MS) == 0);
		ug_http_stats_get(s->server, &stats);
	}
	size_t n = drain(c, &end);
	expect(end == 0 && n > BODY && n < BODY + 1000);
	ug_conn_close(c);
	return 0;
}

static int socket_task(void *arg)
{
	struct scene *s = arg;
	ug_group g;
	gate_init();
	UG_TRY(ug_http_server_new(NULL, &s->server));
	UG_TRY(ug_http_route(s->server, "/", parting, NULL));
	UG_TRY(ug_listen("tcp", "127.0.0.1:0", NULL, &s->listener));
	UG_GROUP(&g) {
		ug_group_go(&g, serve_socket, s);
		expect(talk(s) == 0);
		ug_http_shutdown(s->server);
	}
	ug_listener_close(s->listener);
	ug_http_server_free(s->server);
	return ug_group_result(&g);
}

static void arrive_though_more_was_sent(void **state)
{
	(void)state;
	struct scene s = {.served = -1};
	run_expecting(socket_task, &s, NULL);
	assert_int_equal(s.served, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrive_though_more_was_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
