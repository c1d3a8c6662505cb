/* SPDX-License-Identifier: MIT */
/* Calls of ug_http_serve: several on one server, and what is left of one once it has returned. */
#include "talk.h"

#include "base/lock.h"
#include "http/server_priv.h"
#include "stack/announce.h"
#include <malloc.h>
#include <sys/resource.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\n"

static int hello(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	return ug_http_text(r, 200, "hello\n");
}

static void routes(ug_http_server *s)
{
	expect(ug_http_route(s, "GET /", hello, NULL) == 0);
}

/* A listener that nobody dials takes no connection's place. */
static void shared_limit_script(void)
{
	struct scene first = *scene, second = *scene;
	ug_group g;
	expect(ug_mem_listen(0, &second.listener) == 0);
	UG_GROUP(&g) {
		ug_group_go(&g, serve_task, &second);
		for (int i = 0; i < 8; i++) { /* one, one, other, other */
			scene = i & 2 ? &second : &first;
			expect_answer(GET, THEN_CLOSE, HELLO);
		}
		ug_http_shutdown(second.server);
	}
	ug_listener_close(second.listener);
}

static void shares_its_limit_among_listeners(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.max_connections = 1};
	play(&opts, routes, shared_limit_script);
}

/* ---- the time of a connection begins when it comes, however late the server's clock is ---- */

#define HEAD_TIME (200 * UG_MS)

static void late_clock_script(void)
{
	struct answer *a = calloc(1, sizeof *a);
	struct ug_http_stats stats = UG_ZERO;
	ug_conn other, c;
	int64_t took, give_up = ug_now() + PATIENCE;
	expect(ug_mem_dial(scene->listener, &other) == 0);
	while (stats.connections < 1)
		ug_yield(), ug_http_stats_get(scene->server, &stats);
	do { /* a slow machine may need more than one try */
		uint64_t before = stats.connections;
		int64_t begin = ug_now();
		ug__lock(&scene->server->lock);
		scene->server->real -= 3 * HEAD_TIME / 2;
		ug__unlock(&scene->server->lock);
		expect(ug_mem_dial(scene->listener, &c) == 0);
		while (stats.connections == before)
			ug_yield(), ug_http_stats_get(scene->server, &stats);
		expect(ug_sleep(3 * scene->server->limits.tick) == 0);
		ug_write_text(ug_conn_writer(c), GET);
		ug_conn_shutdown_write(c);
		listen_to(c, a);
		ug_conn_close(c);
		took = ug_now() - begin;
	} while (took > HEAD_TIME / 2 && ug_now() < give_up);
	expect(took > HEAD_TIME / 2 || strcmp(a->text, HELLO) == 0);
	ug_conn_close(other);
	free(a);
}

static void counts_from_when_a_connection_comes(void **state)
{
	(void)state;
	/* rate_time makes the tick short */
	static const struct ug_http_server_opts opts = {.head_time = HEAD_TIME, .rate_time = 80 * UG_MS};
	play(&opts, routes, late_clock_script);
}

/* ---- the end of the context, and the end for another reason, at the same time ---- */

struct owner {
	struct scene scene;
	ug_ctx scope;
	uint32_t told; /* nobody else is about to touch the server */
	int freed;
};

static int serve_and_free(void *arg)
{
	struct owner *o = arg;
	ug_ctx_push(&o->scope);
	o->scene.served = ug_http_serve(o->scene.server, o->scene.listener);
	ug_ctx_pop(&o->scope);
	while (!__atomic_load_n(&o->told, __ATOMIC_ACQUIRE))
		ug_yield();
	ug_http_server_free(o->scene.server);
	o->freed = 1;
	return 0;
}

static int both_ends_task(void *arg)
{
	struct owner o = {.freed = 0};
	ug_task *t;
	(void)arg;
	scene = &o.scene;
	UG_TRY(ug_http_server_new(NULL, &o.scene.server));
	UG_TRY(ug_mem_listen(0, &o.scene.listener));
	routes(o.scene.server);
	UG_TRY(ug_go_task(serve_and_free, &o, NULL, &t));
	expect_answer(GET, THEN_CLOSE, HELLO);
	ug_ctx_cancel(&o.scope, 0);
	ug_http_shutdown(o.scene.server);
	__atomic_store_n(&o.told, 1, __ATOMIC_RELEASE);
	expect(ug_task_wait(t, NULL) == 0 && o.freed && o.scene.served == 0);
	ug_task_unref(t);
	ug_listener_close(o.scene.listener);
	for (int i = 0; i < 100; i++) /* whatever it has left behind */
		ug_yield();
	return 0;
}

static void leaves_nothing_behind(void **state)
{
	(void)state;
	static const struct ug_opts one = {.procs = 1};
	mallopt(M_PERTURB, 0x5a); /* freed memory is rubbish */
	run_expecting(both_ends_task, NULL, &one);
}

/* ---- the end of the context, without memory for a task that would tell ---- */

/* One that has begun gives its record back: on a slow machine another worker begins some meanwhile, and so none may
 * end. */
static ug_mutex gate;

static int wait_at_gate(void *arg)
{
	(void)arg;
	UG_TRY(ug_mutex_lock(&gate));
	return ug_mutex_unlock(&gate);
}

struct block {
	struct block *next;
};

/* Takes all the memory that malloc still has. */
static void use_up(struct block **blocks)
{
	struct block *b;
	for (size_t size = 64 << 20; size >= sizeof *b; size /= 2)
		while ((b = malloc(size))) {
			b->next = *blocks;
			*blocks = b;
		}
}

static void give_back(struct block *blocks)
{
	for (struct block *next; blocks; blocks = next) {
		next = blocks->next;
		free(blocks);
	}
}

static int poor_end_task(void *arg)
{
	struct owner o = {.told = 1};
	struct rlimit before, none;
	struct block *blocks = NULL;
	ug_task *t;
	(void)arg;
	scene = &o.scene;
	UG_TRY(ug_http_server_new(NULL, &o.scene.server));
	UG_TRY(ug_mem_listen(0, &o.scene.listener));
	routes(o.scene.server);
	UG_TRY(ug_go_task(serve_and_free, &o, NULL, &t));
	expect_answer(GET, THEN_CLOSE, HELLO);
	expect(ug_mutex_lock(&gate) == 0);
	expect(getrlimit(RLIMIT_AS, &before) == 0);
	none = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
	expect(setrlimit(RLIMIT_AS, &none) == 0);
	int e = 0;
	for (int i = 0; i < 1000000 && e == 0; i++) {
		use_up(&blocks); /* each time: on another thread malloc may have more */
		e = ug_go(wait_at_gate, NULL);
	}
	expect(e == -ENOMEM);
	ug_ctx_cancel(&o.scope, 0);
	expect(setrlimit(RLIMIT_AS, &before) == 0);
	give_back(blocks);
	expect(ug_mutex_unlock(&gate) == 0);
	UG_WITH_TIMEOUT(PATIENCE) {
		expect(ug_task_wait(t, NULL) == 0 && o.freed && o.scene.served == 0);
	}
	if (!o.freed)
		abort(); /* it would go on in this stack */
	ug_task_unref(t);
	ug_listener_close(o.scene.listener);
	return 0;
}

static void ends_without_memory_too(void **state)
{
	(void)state;
#if defined(UG__TSAN) || defined(UG__ASAN)
	skip(); /* they have no limits of memory */
#endif
	static const struct ug_opts one = {.procs = 1};
	unsetenv("UG_PROCS"); /* which goes before the option; another processor would have records of its own */
	mallopt(M_PERTURB, 0); /* it would write all that use_up gets */
	run_expecting(poor_end_task, NULL, &one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_its_limit_among_listeners),
		cmocka_unit_test(counts_from_when_a_connection_comes),
		cmocka_unit_test(leaves_nothing_behind),
		cmocka_unit_test(ends_without_memory_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
