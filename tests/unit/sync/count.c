/* SPDX-License-Identifier: MIT */
/* What counts: once, wait group, semaphore. */
#include "sync_test.h"

/* Once ------------------------------------------------------------------------------------------------------------ */

struct first {
	ug_once once;
	uint32_t runs, gate;
	int answer;
};

static int init(void *p)
{
	struct first *f = p;
	add_relaxed(&f->runs, 1u);
	UNTIL(load_acquire(&f->gate));
	return f->answer;
}

static int do_once(void *p)
{
	struct first *f = p;
	return ug_once_do(&f->once, init, f);
}

static int do_once_in_scope(void *p)
{
	int e = 0;
	UG_WITH_TIMEOUT(UG_MS)
		e = do_once(p);
	return e;
}

TEST(once)
{
	for (int answer = -7; answer <= 0; answer += 7) {
		struct first f = {.answer = answer};
		struct helper h[4];
		UG_WITH_TIMEOUT(0)
			CHECK_IS(do_once(&f), -ETIMEDOUT);
		CHECK_IS(f.runs, 0);
		start(&h[0], do_once, &f);
		UNTIL(load_relaxed(&f.runs));
		for (int i = 1; i < 3; i++)
			start(&h[i], do_once, &f);
		start(&h[3], do_once_in_scope, &f);
		CHECK_IS(finish(&h[3]), -ETIMEDOUT);
		store_release(&f.gate, 1u);
		for (int i = 0; i < 3; i++)
			CHECK_IS(finish(&h[i]), answer);
		UG_WITH_TIMEOUT(0)
			CHECK_IS(do_once(&f), answer);
		CHECK_IS(f.runs, 1);
	}
	return 0;
}

/* Wait group ------------------------------------------------------------------------------------------------------ */

TEST(waitgroup_counts)
{
	ug_waitgroup w = UG_ZERO;
	CHECK_IS(ug_waitgroup_wait(&w), 0);
	CHECK_IS(ug_waitgroup_done(&w), -EINVAL);
	CHECK_IS(ug_waitgroup_add(&w, 0), 0);
	CHECK_IS(ug_waitgroup_add(&w, 5), 0);
	CHECK_IS(ug_waitgroup_add(&w, -6), -EINVAL);
	CHECK_IS(ug_waitgroup_add(&w, INT64_MAX), -EINVAL);
	CHECK_IS(ug_waitgroup_add(&w, INT64_MIN), -EINVAL);
	UG_WITH_TIMEOUT(UG_MS)
		CHECK_IS(ug_waitgroup_wait(&w), -ETIMEDOUT);
	CHECK_IS(ug_waitgroup_add(&w, -4), 0);
	CHECK_IS(ug_waitgroup_done(&w), 0);
	CHECK_IS(ug_waitgroup_wait(&w), 0);
	UG_WITH_TIMEOUT(0)
		CHECK_IS(ug_waitgroup_wait(&w), -ETIMEDOUT);
	CHECK(!waiting(&w.waiters_));
	return 0;
}

static int done(void *p)
{
	return ug_waitgroup_done(p);
}

static int wait_too(void *p)
{
	return ug_waitgroup_wait(p);
}

/* It lies on a stack frame that ends with the wait: the last one must have let go of it by then. */
static __attribute__((noinline)) void one_frame(int round)
{
	ug_waitgroup w = UG_ZERO;
	struct helper h[3], also;
	CHECK_IS(ug_waitgroup_add(&w, 3), 0);
	for (int i = 0; i < 3; i++)
		start(&h[i], done, &w);
	if (round % 2) {
		start(&also, wait_too, &w);
		CHECK_IS(finish(&also), 0);
	}
	CHECK_IS(ug_waitgroup_wait(&w), 0);
	for (int i = 0; i < 3; i++)
		CHECK_IS(finish(&h[i]), 0);
}

struct frame {
	ug_waitgroup *w;
	uint32_t round;
};

static int done_at(void *p)
{
	struct frame *f = p;
	uint32_t seen = 0, now;
	while ((now = load_acquire(&f->round)) != UINT32_MAX) {
		if (now != seen) {
			seen = now;
			CHECK_IS(ug_waitgroup_done(f->w), 0);
		}
		ug_yield();
	}
	return 0;
}

TEST(waitgroup_may_die)
{
	struct frame f = {.round = 0};
	struct helper h;
	for (int i = 0; i < 100; i++)
		one_frame(i);
	start(&h, done_at, &f);
	for (uint32_t i = 1; i < 2000; i++) {
		ug_waitgroup *w = calloc(1, sizeof *w);
		CHECK(w);
		f.w = w;
		CHECK_IS(ug_waitgroup_add(w, 1), 0);
		store_release(&f.round, i);
		CHECK_IS(ug_waitgroup_wait(w), 0);
		free(w);
	}
	store_release(&f.round, UINT32_MAX);
	CHECK_IS(finish(&h), 0);
	return 0;
}

/* Semaphore ------------------------------------------------------------------------------------------------------- */

struct wanted {
	ug_sem *s;
	int64_t n, timeout;
	uint32_t got;
};

static int acquire(void *p)
{
	struct wanted *w = p;
	int e = 0;
	UG_WITH_TIMEOUT(w->timeout)
		e = ug_sem_acquire(w->s, w->n);
	if (e == 0)
		store_release(&w->got, 1u);
	return e;
}

TEST(sem_arguments)
{
	ug_sem s;
	ug_sem_init(&s, 10);
	CHECK_IS(ug_sem_acquire(&s, -1), -EINVAL);
	CHECK_IS(ug_sem_acquire(&s, 11), -EINVAL);
	CHECK_IS(ug_sem_try_acquire(&s, 11), -EINVAL);
	CHECK_IS(ug_sem_try_acquire(&s, INT64_MIN), -EINVAL);
	CHECK_IS(ug_sem_release(&s, 1), -EINVAL);
	CHECK_IS(ug_sem_acquire(&s, 0), 0);
	CHECK_IS(ug_sem_acquire(&s, 10), 0);
	CHECK_IS(ug_sem_try_acquire(&s, 0), 0);
	CHECK_IS(ug_sem_try_acquire(&s, 1), -EBUSY);
	CHECK_IS(ug_sem_release(&s, -1), -EINVAL);
	CHECK_IS(ug_sem_release(&s, 11), -EINVAL);
	CHECK_IS(ug_sem_release(&s, 10), 0);
	UG_WITH_TIMEOUT(0)
		CHECK_IS(ug_sem_acquire(&s, 1), -ETIMEDOUT);
	CHECK_IS(s.used_, 0);
	ug_sem_init(&s, INT64_MAX);
	CHECK_IS(ug_sem_acquire(&s, INT64_MAX), 0);
	CHECK_IS(ug_sem_try_acquire(&s, INT64_MAX), -EBUSY);
	CHECK_IS(ug_sem_release(&s, INT64_MAX), 0);
	return 0;
}

/* A large request at the head holds off small ones that would fit; when it gives up they go on. */
TEST(sem_in_order)
{
	for (int gives_up = 0; gives_up < 2; gives_up++) {
		ug_sem s;
		struct helper big, small;
		ug_sem_init(&s, 10);
		CHECK_IS(ug_sem_acquire(&s, 5), 0);
		struct wanted b = {&s, 8, gives_up ? UG_MS : UG_FOREVER, 0}, l = {&s, 2, UG_FOREVER, 0};
		start(&big, acquire, &b);
		if (!gives_up)
			UNTIL(waiting(&s.waiters_));
		start(&small, acquire, &l);
		if (gives_up) {
			CHECK_IS(finish(&big), -ETIMEDOUT);
			CHECK_IS(finish(&small), 0);
			CHECK_IS(ug_sem_release(&s, 7), 0);
			continue;
		}
		UNTIL(queue_length(&s.waiters_, &s.lock_) == 2);
		CHECK_IS(ug_sem_try_acquire(&s, 1), -EBUSY);
		CHECK_IS(ug_sem_release(&s, 2), 0);
		CHECK(!load_acquire(&b.got) && !load_acquire(&l.got));
		CHECK_IS(ug_sem_release(&s, 3), 0);
		CHECK_IS(finish(&big), 0);
		CHECK_IS(finish(&small), 0);
		CHECK_IS(s.used_, 10);
		CHECK_IS(ug_sem_release(&s, 10), 0);
	}
	return 0;
}

enum { SIZE = 7, SIDES = 6, EACH = 2000 };

struct pool {
	ug_sem s;
	int64_t used;
};

static int use(void *p)
{
	struct pool *q = p;
	for (int i = 0; i < EACH; i++) {
		int64_t n = 1 + i % SIZE;
		int e = 0;
		UG_WITH_TIMEOUT(i % 5 ? UG_FOREVER : i % 50 * UG_US)
			e = ug_sem_acquire(&q->s, n);
		if (e < 0) {
			CHECK_IS(e, -ETIMEDOUT);
			continue;
		}
		int64_t used = add_relaxed(&q->used, n) + n;
		CHECK(used <= SIZE);
		if (i % 20 == 0)
			ug_yield();
		add_relaxed(&q->used, -n);
		CHECK_IS(ug_sem_release(&q->s, n), 0);
	}
	return 0;
}

TEST(sem_never_over)
{
	struct pool q = {.used = 0};
	ug_sem_init(&q.s, SIZE);
	in_parallel(SIDES, use, use, &q);
	CHECK_IS(q.s.used_, 0);
	CHECK(!waiting(&q.s.waiters_));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_waitgroup_counts),
		cmocka_unit_test(test_waitgroup_may_die),
		cmocka_unit_test(test_sem_arguments),
		cmocka_unit_test(test_sem_in_order),
		cmocka_unit_test(test_sem_never_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
