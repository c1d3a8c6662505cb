/* SPDX-License-Identifier: MIT */
/* More connections than a server has places for, or descriptors. */
#include "handlers.h"

#include "unit/poor.h"

static void routes(ug_http_server *s)
{
	calls = 0;
	ug_http_route(s, "/hello", hello, NULL);
}

static void gate_routes(ug_http_server *s)
{
	routes(s);
	gate_init();
	ug_http_route(s, "/gate", gate, NULL);
}

static void slots_script(void)
{
	struct answer *a = calloc(1, sizeof *a);
	ug_conn first, second;
	expect(ug_mem_dial(scene->listener, &first) == 0);
	expect(ug_write_text(ug_conn_writer(first), GET("/gate")) > 0);
	expect(ug_sem_acquire(&entered, 1) == 0);
	expect(ug_mem_dial(scene->listener, &second) == 0);
	expect(ug_write_text(ug_conn_writer(second), GET("/hello")) > 0);
	struct ug_http_stats s;
	for (int i = 0; i < 100; i++)
		ug_yield();
	ug_http_stats_get(scene->server, &s);
	expect(s.open == 1 && s.connections == 1 && calls == 0);
	expect(ug_sem_release(&leave, 1) == 0);
	ug_conn_shutdown_write(first);
	listen_to(first, a);
	ug_conn_close(first);
	ug_conn_shutdown_write(second);
	listen_to(second, a);
	expect(strcmp(a->text, HELLO) == 0);
	ug_conn_close(second);
	free(a);
}

static void lets_connections_wait(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.max_connections = 1};
	play(&opts, gate_routes, slots_script);
}

/* One answer, exactly, on a connection that goes on. */
static void expect_on(ug_conn c, const char *in, const char *want)
{
	expect(ug_write_text(ug_conn_writer(c), in) > 0);
	expect_answers(c, want);
}

/* Of one that is answered, one that is idle and one that has said nothing yet, the idle one gives way. */
static void evict_script(void)
{
	struct answer *a = calloc(1, sizeof *a);
	ug_conn busy, idle, silent, fourth;
	expect(ug_mem_dial(scene->listener, &idle) == 0);
	expect_on(idle, GET("/hello"), HELLO);
	expect(ug_mem_dial(scene->listener, &busy) == 0);
	expect(ug_mem_dial(scene->listener, &silent) == 0);
	expect(ug_write_text(ug_conn_writer(busy), GET("/gate")) > 0);
	expect(ug_sem_acquire(&entered, 1) == 0);
	expect(ug_mem_dial(scene->listener, &fourth) == 0);
	expect_on(fourth, GET("/hello"), HELLO);
	listen_to(idle, a);
	expect(a->end == 0 && a->n == 0);
	expect_on(silent, GET("/hello"), HELLO);
	expect(ug_sem_release(&leave, 1) == 0);
	ug_conn_shutdown_write(busy);
	listen_to(busy, a);
	expect(strstr(a->text, "done\n"));
	ug_conn_close(busy);
	ug_conn_close(idle);
	ug_conn_close(silent);
	ug_conn_close(fourth);
	free(a);
}

static void gives_up_an_idle_connection_for_a_new_one(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {
		.max_connections = 3, .idle_time = -1, .rate_time = 100 * UG_MS};
	play(&opts, gate_routes, evict_script);
}

/* The new one waits while the old one works, and no longer. */
static void evict_later_script(void)
{
	ug_conn first, second;
	expect(ug_mem_dial(scene->listener, &first) == 0);
	expect(ug_write_text(ug_conn_writer(first), GET("/gate")) > 0);
	expect(ug_sem_acquire(&entered, 1) == 0);
	expect(ug_mem_dial(scene->listener, &second) == 0);
	for (int i = 0; i < 100; i++)
		ug_yield();
	expect(ug_sem_release(&leave, 1) == 0);
	expect_on(second, GET("/hello"), HELLO);
	ug_conn_close(first);
	ug_conn_close(second);
}

static void gives_up_a_connection_that_becomes_idle(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {
		.max_connections = 1, .idle_time = -1, .rate_time = 100 * UG_MS};
	play(&opts, gate_routes, evict_later_script);
}

/* A listener that is out of descriptors for a while, and then brings connections for which there is no memory. */
struct poor {
	ug_listener rich;
	int refusals, lost, shed;
};

static int poor_accept(void *self, ug_conn *out)
{
	struct poor *p = self;
	static const int codes[] = {-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM};
	if (p->refusals > 0)
		return codes[--p->refusals];
	int e = ug_accept(p->rich, out);
	be_poor(e == 0 && p->lost > 0 && p->lost--);
	return e;
}

static int poor_shed(void *self)
{
	((struct poor *)self)->shed++;
	return 0;
}

static void poor_ref(void *self)
{
	(void)self;
}

static int poor_close(void *self)
{
	return ug_listener_close(ug_listener_ref(((struct poor *)self)->rich));
}

static void poor_script(void)
{
	static const struct ug_listener_ops ops = {.size = sizeof ops,
		.accept = poor_accept,
		.shed = poor_shed,
		.ref = poor_ref,
		.unref = poor_ref,
		.close = poor_close};
	struct poor p = {.refusals = 4, .lost = UG_POOR};
	struct scene other = {0}, *before = scene;
	ug_group g;
	expect(ug_mem_listen(0, &p.rich) == 0 && ug_http_server_new(NULL, &other.server) == 0);
	routes(other.server);
	other.listener = (ug_listener){&ops, &p};
	UG_GROUP(&g) {
		ug_group_go(&g, serve_task, &other);
		scene = &(struct scene){.listener = p.rich};
		if (UG_POOR)
			expect_answer(GET("/hello"), THEN_CLOSE, "");
		expect_answer(GET("/hello"), THEN_CLOSE, HELLO);
		scene = before;
		ug_http_shutdown(other.server);
	}
	/* The connection that was lost makes room by itself. */
	expect(p.shed == 4 && p.refusals == 0 && p.lost == 0 && other.served == 0);
	ug_listener_close(p.rich);
	ug_http_server_free(other.server);
}

static void goes_on_out_of_descriptors(void **state)
{
	(void)state;
	play(NULL, routes, poor_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lets_connections_wait),
		cmocka_unit_test(gives_up_an_idle_connection_for_a_new_one),
		cmocka_unit_test(gives_up_a_connection_that_becomes_idle),
		cmocka_unit_test(goes_on_out_of_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
