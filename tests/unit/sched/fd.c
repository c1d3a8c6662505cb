/* SPDX-License-Identifier: MIT */
/* Descriptors: their life, what a close does to those who wait, and events that come late. Transfers are in fdio.c. */
#include "sched_test.h"

#include "sched/fd_priv.h"
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_open(int number)
{
	return fcntl(number, F_GETFD) >= 0;
}

static void pair(ug_fd **a, ug_fd **b)
{
	int fds[2];
	CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_IS(ug_fd_adopt(fds[0], UG_FD_NONBLOCK, a), 0);
	CHECK_IS(ug_fd_adopt(fds[1], UG_FD_NONBLOCK, b), 0);
}

static bool waits(const ug_fd *f, int side)
{
	return !ug__waitq_idle(&f->waiters[side]);
}

static void adopting_checks_what_it_gets(void **state)
{
	(void)state;
	ug_fd *f = (ug_fd *)(void *)&f;
	assert_int_equal(ug_fd_adopt(-1, 0, &f), -EBADF);
	assert_int_equal(ug_fd_adopt(100000, 0, &f), -EBADF);
	assert_int_equal(ug_fd_adopt(0, 64, &f), -EINVAL);
	assert_ptr_equal(f, &f);
	assert_int_equal(ug_fd_number(NULL), -EBADF);
	assert_null(ug_fd_ref(NULL));
	ug_fd_unref(NULL);
	assert_int_equal(ug_fd_close(NULL), 0);
	char c;
	assert_int_equal(ug_fd_read(NULL, &c, 1), -EBADF);
	assert_int_equal(ug_fd_wait_readable(NULL), -EBADF);
}

static void flags_are_what_the_caller_asked_for(void **state)
{
	(void)state;
	int fds[2];
	ug_fd *r, *w;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(ug_fd_adopt(fds[0], UG_FD_NONBLOCK, &r), 0);
	assert_int_equal(ug_fd_adopt(fds[1], UG_FD_BORROW, &w), 0);
	assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	assert_false(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	assert_int_equal(ug_fd_number(r), fds[0]);
	ug_fd_close(r);
	ug_fd_clean(&w);
	assert_null(w);
	assert_false(is_open(fds[0]));
	assert_true(is_open(fds[1]));
	close(fds[1]);
}

struct reader {
	ug_fd *f;
	int side;
	uint32_t done;
	int result;
};

static int wait_for_it(void *arg)
{
	struct reader *r = arg;
	static char much[1 << 20];
	do
		r->result = (int)(r->side ? ug_fd_write(r->f, much, sizeof much) : ug_fd_read(r->f, &(char){0}, 1));
	while (r->side && r->result > 0); /* until the socket is full, and on */
	set(&r->done);
	return 0;
}

static void *wait_on_thread(void *arg)
{
	wait_for_it(arg);
	return NULL;
}

IN_TASK(a_close_wakes_all_who_wait_and_later_calls_fail)
{
	for (int round = 0; round < 50; round++) {
		ug_fd *a, *b;
		pair(&a, &b);
		int number = ug_fd_number(a);
		struct reader r[4] = {{.f = a}, {.f = a}, {.f = a, .side = 1}, {.f = a}};
		pthread_t thread;
		for (int i = 0; i < 3; i++)
			CHECK_IS(ug_go(wait_for_it, &r[i]), 0);
		CHECK_IS(pthread_create(&thread, NULL, wait_on_thread, &r[3]), 0);
		UNTIL(waits(a, 0) && waits(a, 1) && load_relaxed(&a->use) == 5);
		if (round % 2)
			UNTIL(load_seq(&S->idle_count) >= S->procs_count - 1);
		ug_fd *again = ug_fd_ref(a);
		CHECK_IS(ug_fd_close(a), 0);
		for (int i = 0; i < 4; i++) {
			UNTIL(is_set(&r[i].done));
			CHECK_IS(r[i].result, -ECANCELED);
		}
		CHECK_IS(pthread_join(thread, NULL), 0);
		CHECK(!is_open(number));
		CHECK_IS(ug_fd_number(again), -EBADF);
		CHECK_IS(ug_fd_read(again, &(char){0}, 1), -EBADF);
		CHECK_IS(ug_fd_wait_writable(again), -EBADF);
		ug_fd_unref(again);
		ug_fd_close(b);
	}
	return 0;
}

static int how_many_read(ug_fd *f)
{
	int n = 0;
	ug__lock(&f->lock);
	for (const struct ug__waiter *w = f->waiters[0].head_; w; w = w->next_)
		n++;
	ug__unlock(&f->lock);
	return n;
}

static int wait_readable(void *arg)
{
	struct reader *r = arg;
	r->result = ug_fd_wait_readable(r->f);
	set(&r->done);
	return 0;
}

IN_TASK(readers_are_called_back_and_the_descriptor_goes_on)
{
	for (int round = 0; round < 50; round++) {
		ug_fd *a, *b;
		pair(&a, &b);
		struct reader r[3] = {{.f = a}, {.f = a}, {.f = a, .side = 1}};
		CHECK_IS(ug_go(wait_for_it, &r[0]), 0);
		CHECK_IS(ug_go(wait_readable, &r[1]), 0);
		CHECK_IS(ug_go(wait_for_it, &r[2]), 0);
		UNTIL(how_many_read(a) == 2 && waits(a, 1));
		ug__fd_call_back(a);
		UNTIL(is_set(&r[0].done) && is_set(&r[1].done));
		CHECK_IS(r[0].result, -EAGAIN);
		CHECK_IS(r[1].result, -EAGAIN);
		UNTIL(waits(
			a, 1)); /* an event may have come for it, late or for nothing: then it tries, and waits again */
		CHECK(!waits(a, 0));
		CHECK_IS(ug_fd_write(b, "x", 1), 1);
		CHECK_IS(ug_fd_read(a, &(char){0}, 1), 1);
		CHECK_IS(ug_fd_close(a), 0);
		UNTIL(is_set(&r[2].done));
		CHECK_IS(r[2].result, -ECANCELED);
		ug_fd_close(b);
	}
	return 0;
}

IN_TASK(the_number_is_given_back_when_its_last_user_has_gone)
{
	ug_fd *a, *b;
	pair(&a, &b);
	int number = ug__fd_use(a);
	CHECK_IS(ug__fd_use(a), number);
	CHECK_IS(ug_fd_close(a), 0);
	CHECK(is_open(number));
	ug__fd_unuse(a);
	CHECK(is_open(number));
	ug__fd_unuse(a);
	CHECK(!is_open(number));
	ug_fd_close(b);
	return 0;
}

/* Users come and go on many threads while it is closed: it ends closed, and its number is not anyone else's while one
 * uses it. */
struct crowd {
	ug_fd *f;
	uint32_t left, go;
	int number;
};

static int come_and_go(void *arg)
{
	struct crowd *c = arg;
	while (!is_set(&c->go))
		ug_yield();
	for (int number; (number = ug__fd_use(c->f)) >= 0;) {
		CHECK(is_open(number));
		if (ug__random() % 8 == 0)
			ug_yield();
		ug__fd_unuse(c->f);
	}
	ug_fd_unref(c->f);
	add_seq(&c->left, -1u);
	return 0;
}

static void *come_and_go_thread(void *arg)
{
	come_and_go(arg);
	return NULL;
}

IN_TASK(a_crowd_of_users_never_loses_the_number)
{
	for (int round = 0; round < 300; round++) {
		pthread_t thread[2];
		struct crowd c = {.left = 6};
		c.number = dup(2);
		CHECK_IS(ug_fd_adopt(c.number, 0, &c.f), 0);
		for (int i = 0; i < 6; i++) {
			ug_fd_ref(c.f);
			if (i < 4)
				CHECK_IS(ug_go(come_and_go, &c), 0);
			else
				CHECK_IS(pthread_create(&thread[i - 4], NULL, come_and_go_thread, &c), 0);
		}
		set(&c.go);
		for (uint32_t i = ug__random() % 8; i; i--)
			ug_yield();
		ug_fd_close(c.f);
		UNTIL(load_seq(&c.left) == 0);
		CHECK_IS(pthread_join(thread[0], NULL), 0);
		CHECK_IS(pthread_join(thread[1], NULL), 0);
		CHECK(!is_open(c.number));
	}
	return 0;
}

IN_TASK(the_last_reference_dropped_closes_too)
{
	for (int round = 0; round < 50; round++) {
		ug_fd *a, *b, *c, *d;
		pair(&a, &b);
		int number = ug_fd_number(a);
		struct reader r = {.f = a};
		CHECK_IS(ug_go(wait_for_it, &r), 0);
		UNTIL(waits(a, 0));
		CHECK_IS(ug__fd_use(a), number);
		ug_fd_unref(a);
		UNTIL(is_set(&r.done));
		CHECK_IS(r.result, -ECANCELED);
		pair(&c, &d);
		CHECK(c != a && d != a); /* a call stands on that record */
		CHECK(is_open(number));
		ug__fd_unuse(a);
		CHECK(!is_open(number));
		CHECK_IS(ug_fd_write(c, "x", 1), 1);
		CHECK_IS(ug_fd_read(d, &(char){0}, 1), 1);
		ug_fd_close(b);
		ug_fd_close(c);
		ug_fd_close(d);
	}
	return 0;
}

IN_TASK(a_late_event_of_a_record_used_again_finds_nobody)
{
	ug_fd *a, *b, *c, *d;
	pair(&a, &b);
	struct reader r = {.f = a};
	CHECK_IS(ug_go(wait_for_it, &r), 0);
	UNTIL(waits(a, 0));
	uint64_t old = (uint64_t)load_relaxed(&a->gen) << 32 | a->index;
	ug_fd_close(a);
	UNTIL(is_set(&r.done));
	ug_fd_close(b);
	pair(&c, &d);
	ug_fd *again = c == a ? c : d; /* the list of free ones is last in, first out */
	CHECK(again == a);
	struct reader s = {.f = again};
	CHECK_IS(ug_go(wait_for_it, &s), 0);
	UNTIL(waits(again, 0));
	uint32_t edges = load_acquire(&again->edges[0]);
	ug__fd_event(old, UG__POLL_IN | UG__POLL_OUT | UG__POLL_HUP);
	ug__fd_event(UG__POLL_WAKE - 7, UG__POLL_IN); /* no such record */
	CHECK(waits(again, 0));
	CHECK_IS(load_acquire(&again->edges[0]), edges);
	CHECK_IS(load_relaxed(&again->hup), 0);
	CHECK_IS(ug_fd_write(c == again ? d : c, "x", 1), 1);
	UNTIL(is_set(&s.done));
	CHECK_IS(s.result, 1);
	ug_fd_close(c);
	ug_fd_close(d);
	return 0;
}

IN_TASK(deadlines_and_cancellations_end_waits)
{
	ug_fd *a, *b;
	pair(&a, &b);
	for (int i = 0; i < 20; i++)
		UG_WITH_TIMEOUT(UG_MS / 4) {
			CHECK_IS(ug_fd_read(a, &(char){0}, 1), -ETIMEDOUT);
			CHECK_IS(ug_fd_wait_readable(a), -ETIMEDOUT);
			CHECK(!waits(a, 0));
		}
	CHECK_IS(ug_fd_wait_writable(a), 0);
	ug_ctx c;
	ug_ctx_push(&c);
	CHECK_IS(ug_fd_write(b, "x", 1), 1);
	ug_ctx_cancel(&c, -EXDEV);
	CHECK_IS(ug_fd_read(a, &(char){0}, 1), -ECANCELED); /* on entry, without effect */
	CHECK_IS(ug_fd_write(a, "y", 1), -ECANCELED);
	ug_ctx_pop(&c);
	CHECK_IS(ug_fd_read(a, &(char){0}, 1), 1);
	ug_fd_close(a);
	ug_fd_close(b);
	return 0;
}

static ug_fd *kept[2];

static int use_kept(void *unused)
{
	(void)unused;
	struct reader r = {.f = kept[0]};
	CHECK_IS(ug_go(wait_for_it, &r), 0);
	UNTIL(waits(kept[0], 0));
	CHECK_IS(ug_fd_write(kept[1], "x", 1), 1);
	UNTIL(is_set(&r.done));
	CHECK_IS(r.result, 1);
	return 0;
}

static void a_descriptor_outlives_the_runtime(void **state)
{
	(void)state;
	pair(&kept[0], &kept[1]);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ug_run(use_kept, NULL, NULL), 0);
		/* without one, by poll(2) */
		UG_WITH_TIMEOUT(UG_MS)
			assert_int_equal(ug_fd_read(kept[0], &(char){0}, 1), -ETIMEDOUT);
		assert_int_equal(ug_fd_write(kept[1], "yz", 2), 2);
		assert_int_equal(ug_fd_wait_readable(kept[0]), 0);
		char two[2];
		assert_int_equal(ug_fd_read(kept[0], two, 2), 2);
	}
	ug_fd_close(kept[0]);
	ug_fd_close(kept[1]);
}

static int leave_one_waiting(void *unused)
{
	(void)unused;
	static struct reader r;
	r = (struct reader){.f = kept[0]};
	CHECK_IS(ug_go(wait_for_it, &r), 0);
	UNTIL(waits(kept[0], 0));
	return 0;
}

static void a_waiter_that_is_left_behind_is_forgotten(void **state)
{
	(void)state;
	pair(&kept[0], &kept[1]);
	assert_int_equal(ug_run(leave_one_waiting, NULL, NULL), 0);
	assert_int_equal(ug_run(use_kept, NULL, NULL), 0);
	int number = ug_fd_number(kept[0]);
	ug_fd_close(kept[0]);
	ug_fd_close(kept[1]);
	assert_false(is_open(number));
}

static int start_thread_that_waits(void *arg)
{
	static struct reader r;
	r = (struct reader){.f = kept[0]};
	CHECK_IS(pthread_create(arg, NULL, wait_on_thread, &r), 0);
	UNTIL(waits(kept[0], 0));
	return 0;
}

static void a_thread_that_waits_at_the_end_goes_on_waiting(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		pthread_t thread;
		pair(&kept[0], &kept[1]);
		assert_int_equal(ug_run(start_thread_that_waits, &thread, NULL), 0);
		assert_int_equal(ug_fd_write(kept[1], "x", 1), 1);
		assert_int_equal(pthread_join(thread, NULL), 0);
		ug_fd_close(kept[0]);
		ug_fd_close(kept[1]);
	}
}

static void *look_at_all(void *arg)
{
	uint32_t *end = arg;
	while (!__atomic_load_n(end, __ATOMIC_RELAXED))
		CHECK_IS(ug__fd_anyone_waits(), false);
	return NULL;
}

/* As the monitor does: only the race detector can tell. */
static void a_look_over_all_takes_no_lock(void **state)
{
	(void)state;
	uint32_t end = 0;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, look_at_all, &end), 0);
	for (int i = 0; i < 3000; i++) {
		ug_fd *a, *b;
		pair(&a, &b);
		ug_fd_close(a);
		ug_fd_close(b);
	}
	__atomic_store_n(&end, 1u, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* One too many, by who has no reference any more, does not put the record into two hands. */
static void a_call_after_the_last_reference_spoils_no_record(void **state)
{
	(void)state;
	ug_fd *a, *b, *c, *d;
	pair(&a, &b);
	ug_fd_close(a);
	assert_int_equal(ug_fd_read(a, &(char){0}, 1), -EBADF);
	assert_int_equal(ug_fd_write(a, "x", 1), -EBADF);
	pair(&c, &d);
	assert_ptr_not_equal(c, d);
	ug_fd_close(b);
	ug_fd_close(c);
	ug_fd_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adopting_checks_what_it_gets),
		cmocka_unit_test(flags_are_what_the_caller_asked_for),
		cmocka_unit_test(a_close_wakes_all_who_wait_and_later_calls_fail),
		cmocka_unit_test(readers_are_called_back_and_the_descriptor_goes_on),
		cmocka_unit_test(the_number_is_given_back_when_its_last_user_has_gone),
		cmocka_unit_test(a_crowd_of_users_never_loses_the_number),
		cmocka_unit_test(the_last_reference_dropped_closes_too),
		cmocka_unit_test(a_late_event_of_a_record_used_again_finds_nobody),
		cmocka_unit_test(deadlines_and_cancellations_end_waits),
		cmocka_unit_test(a_descriptor_outlives_the_runtime),
		cmocka_unit_test(a_waiter_that_is_left_behind_is_forgotten),
		cmocka_unit_test(a_thread_that_waits_at_the_end_goes_on_waiting),
		cmocka_unit_test(a_look_over_all_takes_no_lock),
		cmocka_unit_test(a_call_after_the_last_reference_spoils_no_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
