/* SPDX-License-Identifier: MIT */
/* Connections over sockets that are idle: they have no task, and nobody can tell but by the dump. */
#include "handlers.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define BRIEF (16 * UG_MS) /* as a server's shortest limit: an eighth is its tick, two ticks its patience */

static void routes(ug_http_server *s)
{
	calls = 0;
	gate_init();
	ug_http_route(s, "/hello", hello, NULL);
	ug_http_route(s, "/gate", gate, NULL);
}

static int play_tcp_task(void *arg)
{
	struct scene *s = arg;
	ug_group g;
	UG_TRY(ug_http_server_new(s->opts, &s->server));
	UG_TRY(ug_listen("tcp", "127.0.0.1:0", NULL, &s->listener));
	s->routes(s->server);
	UG_GROUP(&g) {
		ug_group_go(&g, serve_task, s);
		s->script();
		ug_http_shutdown(s->server);
	}
	expect(s->served == 0);
	ug_listener_close(s->listener);
	ug_http_server_free(s->server);
	return ug_group_result(&g);
}

static void play_tcp(const struct ug_http_server_opts *opts, void (*script)(void))
{
	struct scene s = {.opts = opts, .routes = routes, .script = script};
	scene = &s;
	run_expecting(play_tcp_task, &s, NULL);
}

static ug_conn dial(void)
{
	ug_addr a;
	ug_conn c = {0};
	expect(ug_listener_addr(scene->listener, &a) == 0 && ug_dial_addr(&a, NULL, &c) == 0);
	return c;
}

/* How many are to start when something comes, and how many tasks are a connection's. */
static void look(int *resting, int *tasks)
{
	static char dump[1 << 20];
	int fd = memfd_create("dump", 0);
	ug_dump(fd);
	ssize_t n = pread(fd, dump, sizeof dump - 1, 0);
	close(fd);
	dump[n > 0 ? n : 0] = 0;
	*resting = *tasks = 0;
	for (char *line = dump; (line = strstr(line, "task ")); line += 5) {
		*resting += strncmp(line, "task http: not started, waits for readable", 42) == 0;
		size_t digits = strspn(line + 5, "0123456789");
		*tasks += digits > 0 && strncmp(line + 5 + digits, " http:", 6) == 0;
	}
}

static void until_resting(int wanted)
{
	int resting, tasks;
	int64_t give_up = ug_now() + PATIENCE;
	do {
		ug_yield();
		look(&resting, &tasks);
	} while ((resting != wanted || tasks != 0) && ug_now() < give_up);
	expect(resting == wanted && tasks == 0);
}

static void expect_hello(ug_conn c)
{
	expect_answers(c, HELLO);
}

static void ask(ug_conn c)
{
	expect(ug_write_text(ug_conn_writer(c), GET("/hello")) > 0);
	expect_hello(c);
}

static void expect_end(ug_conn c)
{
	char byte;
	UG_WITH_TIMEOUT(PATIENCE) {
		expect(ug_conn_read(c, &byte, 1) == 0);
	}
	ug_conn_close(c);
}

static void rest_script(void)
{
	ug_conn silent = dial(), c = dial();
	until_resting(2);
	for (int i = 0; i < 5; i++) {
		ask(c); /* and from the second on, perhaps, by a task that waits for it */
		until_resting(2);
	}
	ask(silent);
	/* Byte by byte, as slow clients do: the task stays for the head. */
	for (const char *p = GET("/hello"); *p; p++) {
		expect(ug_conn_write(c, p, 1) == 1);
		for (int i = 0; i < 20; i++)
			ug_yield();
	}
	expect_hello(c);
	until_resting(2);
	expect(ug_write_text(ug_conn_writer(c), GET("/hello") GET("/hello") "GET /he") > 0);
	expect_answers(c, HELLO HELLO);
	expect(ug_write_text(ug_conn_writer(c), "llo HTTP/1.1\r\nHost: a\r\n\r\n") > 0);
	expect_hello(c);
	ug_conn_shutdown_write(c);
	expect_end(c);
	until_resting(1);
	ug_conn_close(silent);
	until_resting(0);
	struct ug_http_stats s;
	ug_http_stats_get(scene->server, &s);
	expect(s.connections == 2 && s.open == 0 && s.requests == 10);
}

static void they_rest_without_a_task(void **state)
{
	(void)state;
	/* With no other limit in play, patience is a second; with short ones they rest soon again. */
	static const struct ug_http_server_opts opts = {.rate_time = BRIEF, .min_read_rate = -1, .min_write_rate = -1};
	play_tcp(&opts, rest_script);
}

static void quick_script(void)
{
	ug_conn c = dial();
	int resting, tasks = 0;
	for (int64_t give_up = ug_now() + PATIENCE; tasks == 0 && ug_now() < give_up;) {
		ask(c); /* one after the other: soon they are expected */
		look(&resting, &tasks);
	}
	expect(tasks == 1);
	ug_conn_close(c);
}

static void one_that_is_busy_keeps_its_task(void **state)
{
	(void)state;
	play_tcp(NULL, quick_script);
}

static void limits_script(void)
{
	ug_conn silent = dial(), idle = dial();
	ask(idle);
	expect_end(idle);
	expect_end(silent);
}

static void limits_reach_them(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.head_time = 60 * UG_MS, .idle_time = 40 * UG_MS};
	play_tcp(&opts, limits_script);
}

static void evict_script(void)
{
	ug_conn idle = dial(), busy = dial();
	ask(idle);
	expect(ug_write_text(ug_conn_writer(busy), GET("/gate")) > 0);
	expect(ug_sem_acquire(&entered, 1) == 0);
	ug_conn third = dial();
	ask(third);
	expect_end(idle);
	expect(ug_sem_release(&leave, 1) == 0);
	ug_conn_close(busy);
	ug_conn_close(third);
}

static void they_give_way(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {
		.max_connections = 2, .idle_time = -1, .rate_time = 100 * UG_MS};
	play_tcp(&opts, evict_script);
}

/* As many as there may be: asked, asked again when all rest, and closed by the server's end, without any drain time. */
static void crowd_script(void)
{
	struct rlimit r;
	expect(getrlimit(RLIMIT_NOFILE, &r) == 0);
	int n = r.rlim_cur < 4200 ? (int)(r.rlim_cur - 100) / 2 : 2000, resting, tasks;
	ug_conn *c = calloc((size_t)n, sizeof *c);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < n && !failed; i++) {
			if (round == 0)
				c[i] = dial();
			ask(c[i]);
		}
		do
			look(&resting, &tasks);
		while (tasks > 0 && (ug_yield(), !failed));
	}
	for (int i = 0; i < n; i++)
		expect(ug_write_text(ug_conn_writer(c[i]), GET("/hello")) > 0);
	for (int i = 0; i < n && !failed; i++)
		expect_hello(c[i]);
	expect(calls == 3 * n);
	do
		look(&resting, &tasks);
	while (tasks > 0 && (ug_yield(), !failed));
	ug_http_shutdown(scene->server);
	for (int i = 0; i < n; i++)
		expect_end(c[i]);
	free(c);
}

static void there_may_be_many(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.drain_time = -1, .max_connections = -1};
	play_tcp(&opts, crowd_script);
}

/* Requests, limits and the server's end, all at the same time. */
static uint32_t over;

static int client(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		ug_addr a;
		ug_conn c;
		char in[512];
		if (ug_listener_addr(scene->listener, &a) < 0 || ug_dial_addr(&a, NULL, &c) < 0)
			break;
		for (int i = 0; i < 6; i++) {
			UG_WITH_TIMEOUT(PATIENCE) {
				if (ug_write_text(ug_conn_writer(c), GET("/hello")) < 0 ||
					ug_conn_read(c, in, sizeof in) <= 0)
					i = 6;
			}
			seed = seed * 1103515245 + 12345;
			ug_sleep((seed >> 16) % 6 * UG_MS);
		}
		ug_conn_close(c);
	}
	return 0;
}

static void storm_script(void)
{
	ug_group g;
	over = 0;
	UG_GROUP(&g) {
		for (int i = 0; i < 20; i++)
			ug_group_go(&g, client, (void *)(uintptr_t)(i + 1));
		ug_sleep(300 * UG_MS);
		ug_http_shutdown(scene->server);
		__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	}
	expect(calls > 20);
}

static void nothing_is_lost_in_a_storm(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.idle_time = 3 * UG_MS,
		.rate_time = BRIEF,
		.min_read_rate = -1,
		.min_write_rate = -1,
		.drain_time = -1,
		.max_connections = 15};
	for (int i = 0; i < 3; i++)
		play_tcp(&opts, storm_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_rest_without_a_task),
		cmocka_unit_test(one_that_is_busy_keeps_its_task),
		cmocka_unit_test(limits_reach_them),
		cmocka_unit_test(they_give_way),
		cmocka_unit_test(there_may_be_many),
		cmocka_unit_test(nothing_is_lost_in_a_storm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
