/* SPDX-License-Identifier: MIT */
/* What the kernel says of a thread, and that a processor whose thread sleeps in the kernel is given away soon. */
#include "sched_test.h"

#include "sched/fd_priv.h"
#include "sched/sched_priv.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <undergo/sync.h>

struct other {
	uint32_t thread, begun, spin;
	int pipe[2];
};

static void *other_main(void *arg)
{
	struct other *o = arg;
	char c;
	store_release(&o->thread, ug__thread_id());
	while (load_acquire(&o->spin))
		;
	return (void *)(intptr_t)read(o->pipe[0], &c, 1);
}

static void one_that_waits_in_the_kernel_sleeps(void **state)
{
	(void)state;
	struct other o = {.spin = 1};
	pthread_t thread;
	assert_int_equal(pipe(o.pipe), 0);
	assert_int_equal(pthread_create(&thread, NULL, other_main, &o), 0);
	while (!load_acquire(&o.thread))
		;
	for (int i = 0; i < 100; i++)
		assert_false(ug__thread_sleeps(o.thread));
	store_release(&o.spin, 0u);
	while (!ug__thread_sleeps(o.thread)) /* or this test's time is up */
		;
	assert_int_equal(write(o.pipe[1], "", 1), 1);
	pthread_join(thread, NULL);
	assert_false(ug__thread_sleeps(o.thread));
	assert_false(ug__thread_sleeps(ug__thread_id()));
	close(o.pipe[0]);
	close(o.pipe[1]);
}

#define STUCK (6 * UG_MS) /* the shortest time after which a processor is taken from one that computes */

/* Blocks the only worker, until somebody else has run. */
static int block(void *arg)
{
	struct other *o = arg;
	char c;
	set(&o->begun);
	return read(o->pipe[0], &c, 1) == 1 ? 0 : -EIO;
}

static int release(void *arg)
{
	struct other *o = arg;
	while (!is_set(&o->begun))
		ug_yield();
	return write(o->pipe[1], "", 1) == 1 ? 0 : -EIO;
}

static int blocked(void *arg)
{
	(void)arg;
	struct other o = {.spin = 0};
	int64_t least = UG_FOREVER;
	CHECK_IS(pipe(o.pipe), 0);
	for (int i = 0; i < 30; i++) {
		ug_group g;
		store_relaxed(&o.begun, 0u);
		int64_t begin = ug_now();
		UG_GROUP(&g) {
			UG_TRY(ug_group_go(&g, block, &o));
			UG_TRY(ug_group_go(&g, release, &o));
		}
		CHECK_IS(ug_group_result(&g), 0);
		if (ug_now() - begin < least)
			least = ug_now() - begin;
	}
	CHECK(least < STUCK);
	close(o.pipe[0]);
	close(o.pipe[1]);
	return 0;
}

/* The least of many: a busy machine makes the others late. */
static void a_blocked_worker_loses_its_processor_soon(void **state)
{
	(void)state;
	static const struct ug_opts one = {.procs = 1};
	unsetenv("UG_PROCS"); /* it would go before the option */
	assert_int_equal(ug_run(blocked, NULL, &one), 0);
}

/* A plain thread's read of a socket that nobody knew of, begun while the monitor sleeps. */
struct late {
	ug_fd *f;
	int end; /* the socket's other */
	uint32_t waits, served;
};

static void *late_reader(void *arg)
{
	struct late *l = arg;
	char c;
	while (!load_seq(&S->monitor_asleep))
		;
	set(&l->waits);
	CHECK_IS(ug_fd_read(l->f, &c, 1), 1);
	set(&l->served);
	return NULL;
}

/* Takes the only processor, and goes on until the thread was served. */
static int compute(void *arg)
{
	struct late *l = arg;
	int64_t give_up = ug_now() + 20 * UG_SECOND;
	while (!is_set(&l->waits) || ug__waitq_idle(&l->f->waiters[0]))
		CHECK(ug_now() < give_up);
	CHECK_IS(write(l->end, "", 1), 1);
	while (!is_set(&l->served))
		CHECK(ug_now() < give_up);
	return 0;
}

static void a_socket_is_watched_while_all_compute(void **state)
{
	(void)state;
	static const struct ug_opts one = {.procs = 1};
	struct late l = {.f = NULL};
	pthread_t thread;
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(ug_fd_adopt(fds[0], UG_FD_NONBLOCK, &l.f), 0);
	l.end = fds[1];
	assert_int_equal(pthread_create(&thread, NULL, late_reader, &l), 0);
	assert_int_equal(ug_run(compute, &l, &one), 0);
	pthread_join(thread, NULL);
	ug_fd_close(l.f);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_waits_in_the_kernel_sleeps),
		cmocka_unit_test(a_blocked_worker_loses_its_processor_soon),
		cmocka_unit_test(a_socket_is_watched_while_all_compute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
