/* SPDX-License-Identifier: MIT */
/*
 * What instructions.py counts: for each unit of work a warm-up, then a small and a large number of it, at one
 * processor.
 *
 *	units		runs them
 *	units world	says what the counts depend on
 *
 * After each, valgrind's callgrind is asked to write what was counted since the last time under the name "UNIT WHAT N";
 * by itself the program counts nothing. No unit runs long without a switch: valgrind is slow, and the monitor would
 * take the processor.
 */
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <undergo/http.h>
#include <undergo/net.h>
#include <undergo/sched.h>
#include <undergo/sync.h>
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

typedef UG_CHAN(int) int_chan;

static void must(ssize_t result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "units: %s\n", ug_strerror((int)result));
	exit(1);
}

static int yielder(void *arg)
{
	for (int n = *(int *)arg; n > 0; n--)
		ug_yield();
	return 0;
}

/* One switch, of two tasks. */
static void yield(int n)
{
	ug_group g;
	int each = n / 2;
	UG_GROUP(&g)
		for (int i = 0; i < 2; i++)
			must(ug_group_go(&g, yielder, &each));
	must(ug_group_result(&g));
}

static int_chan ping, pong;

static int answer(void *arg)
{
	for (int n = *(int *)arg, v; n > 0; n--) {
		must(ug_recv(ping, &v));
		must(ug_send(pong, &v));
	}
	return 0;
}

/* A round trip over two unbuffered channels. */
static void pingpong(int n)
{
	must(ug_chan_new(&ping, 0));
	must(ug_chan_new(&pong, 0));
	must(ug_go(answer, &n));
	for (int i = 0, v; i < n; i++) {
		must(ug_send(ping, &i));
		must(ug_recv(pong, &v));
	}
	ug_chan_unref(&ping);
	ug_chan_unref(&pong);
}

static int_chan items;

static int produce(void *arg)
{
	int n = *(int *)arg;
	for (int i = 0; i < n; i++)
		must(ug_send(items, &i));
	return ug_close(items);
}

/* An item sent and received, through 128 places. */
static void buffered(int n)
{
	must(ug_chan_new(&items, 128));
	must(ug_go(produce, &n));
	for (int v; ug_recv(items, &v) == 0;)
		;
	ug_chan_unref(&items);
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* A task started and waited for, in groups of 50. */
static void spawn(int n)
{
	for (; n > 0; n -= 50) {
		ug_group g;
		UG_GROUP(&g)
			for (int i = 0; i < 50; i++)
				must(ug_group_go(&g, nothing, NULL));
		must(ug_group_result(&g));
	}
}

static int_chan chans[4];

static int feed(void *arg)
{
	int n = *(int *)arg;
	for (int i = 0; i < n; i++)
		must(ug_send(chans[i & 3], &i));
	return 0;
}

/* A select over four receives, with one sender. */
static void select_4(int n)
{
	for (int i = 0; i < 4; i++)
		must(ug_chan_new(&chans[i], 0));
	must(ug_go(feed, &n));
	for (int i = 0, v; i < n; i++) {
		struct ug_case cases[] = {
			UG_RECV(chans[0], &v), UG_RECV(chans[1], &v), UG_RECV(chans[2], &v), UG_RECV(chans[3], &v)};
		int k = ug_select(cases, 4);
		must(k);
		must(cases[k].result);
	}
	for (int i = 0; i < 4; i++)
		ug_chan_unref(&chans[i]);
}

static int hello(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q, (void)arg;
	static const char text[] = "Hello, World!\n";
	return ug_http_reply(r, 200, "text/plain", text, sizeof text - 1);
}

struct serving {
	ug_http_server *server;
	ug_listener listener;
};

static int serve(void *arg)
{
	struct serving *s = arg;
	return ug_http_serve(s->server, s->listener);
}

/* A request and its response over a connection in memory, the client's writes and reads included. */
static void request(int n)
{
	static const char text[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\nUser-Agent: units\r\nAccept: */*\r\n\r\n";
	static const char end[] = "Hello, World!\n";
	struct serving s;
	ug_conn c;
	ug_group g;
	must(ug_http_server_new(NULL, &s.server));
	must(ug_http_route(s.server, "GET /hello", hello, NULL));
	must(ug_mem_listen(0, &s.listener));
	UG_GROUP(&g) {
		must(ug_group_go(&g, serve, &s));
		must(ug_mem_dial(s.listener, &c));
		for (; n > 0; n--) {
			char buf[1024];
			must(ug_conn_write(c, text, sizeof text - 1));
			ssize_t got = ug_conn_read(c, buf, sizeof buf);
			if (got < (ssize_t)sizeof end || memcmp(buf + got - (sizeof end - 1), end, sizeof end - 1) != 0)
				must(-EPROTO);
		}
		must(ug_conn_close(c));
		ug_http_shutdown(s.server);
	}
	must(ug_group_result(&g));
	ug_http_server_free(s.server);
}

static const struct unit {
	const char *name;
	void (*run)(int n);
	int small, large;
} units[] = {
	{"yield", yield, 1000, 21000},
	{"ping-pong", pingpong, 500, 5500},
	{"buffered-send", buffered, 1024, 21504},
	{"spawn", spawn, 500, 5500},
	{"select", select_4, 500, 5500},
	{"http-request", request, 50, 550},
};

/* Runs it n times; `what` says why. */
static void count(const struct unit *u, const char *what, int n)
{
	char name[64];
	u->run(n);
	snprintf(name, sizeof name, "%s %s %d", u->name, what, n);
	CALLGRIND_DUMP_STATS_AT(name);
}

static int all(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		count(&units[i], "warm", units[i].small);
		count(&units[i], "small", units[i].small);
		count(&units[i], "large", units[i].large);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "world") == 0) {
		printf("%s, glibc %s\n", WORLD, gnu_get_libc_version());
		return 0;
	}
	struct ug_opts one = {.procs = 1, .poller = "epoll"};
	must(ug_run(all, NULL, &one));
	return 0;
}
