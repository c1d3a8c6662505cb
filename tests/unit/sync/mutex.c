/* SPDX-License-Identifier: MIT */
/* Mutex and condition: exclusion, patience, hand-over to one who starves, cancellation while queued. */
#include "sync_test.h"

#include "sync/sync.h"

TEST(alone)
{
	ug_mutex m = UG_ZERO;
	CHECK_IS(ug_mutex_unlock(&m), -EINVAL);
	CHECK_IS(ug_mutex_lock(&m), 0);
	CHECK_IS(ug_mutex_try_lock(&m), -EBUSY);
	CHECK(ug__mutex_held(&m));
	CHECK_IS(ug_mutex_unlock(&m), 0);
	CHECK_IS(ug_mutex_unlock(&m), -EINVAL);
	CHECK_IS(ug_mutex_try_lock(&m), 0);
	CHECK_IS(ug_mutex_unlock(&m), 0);
	UG_WITH_TIMEOUT(0) {
		CHECK_IS(ug_mutex_lock(&m), -ETIMEDOUT);
		CHECK(!ug__mutex_held(&m));
		ug__mutex_lock_hard(&m);
		CHECK(ug__mutex_held(&m));
		CHECK_IS(ug_mutex_unlock(&m), 0);
	}
	return 0;
}

enum { SIDES = 6, EACH = 4000 };

struct shared {
	ug_mutex m;
	ug_cond c, d;
	ug_ctx scope;
	int64_t plain; /* guarded by m */
	int inside;
	uint32_t flag, stop, started;
	int order[8], n;
};

static int hammer(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < EACH; i++) {
		if (i % 16 == 3) {
			if (ug_mutex_try_lock(&s->m) < 0)
				CHECK_IS(ug_mutex_lock(&s->m), 0);
		} else {
			CHECK_IS(ug_mutex_lock(&s->m), 0);
		}
		CHECK_IS(s->inside++, 0);
		s->plain++;
		if (i % 64 == 5)
			ug_yield();
		s->inside--;
		CHECK_IS(ug_mutex_unlock(&s->m), 0);
	}
	return 0;
}

TEST(exclusion)
{
	struct shared s = {.m = UG_ZERO};
	in_parallel(SIDES, hammer, hammer, &s);
	CHECK_IS(s.plain, SIDES * EACH);
	CHECK_IS(s.m.state_, 0);
	CHECK(!waiting(&s.m.waiters_));
	return 0;
}

/* Half of the lockers give up at a deadline that comes at any moment; the rest must still be served. */
static int impatient(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < EACH / 8; i++) {
		int e = 0;
		UG_WITH_TIMEOUT(i % 50 * UG_US) {
			e = ug_mutex_lock(&s->m);
			CHECK(e == 0 || e == -ETIMEDOUT);
		}
		if (e < 0)
			continue;
		CHECK_IS(s->inside++, 0);
		s->plain++;
		if (i % 3 == 0)
			ug_yield();
		s->inside--;
		CHECK_IS(ug_mutex_unlock(&s->m), 0);
		add_relaxed(&s->started, 1u);
	}
	return 0;
}

TEST(some_give_up)
{
	struct shared s = {.m = UG_ZERO};
	in_parallel(SIDES, impatient, hammer, &s);
	CHECK_IS(s.plain, SIDES / 2 * EACH + (int64_t)s.started);
	CHECK_IS(s.m.state_, 0);
	return 0;
}

/* One that holds the mutex nearly always, and never waits, can not keep another out. */
static int hog(void *p)
{
	struct shared *s = p;
	store_release(&s->started, 1u);
	while (!load_acquire(&s->stop)) {
		CHECK_IS(ug_mutex_lock(&s->m), 0);
		ug_yield();
		CHECK_IS(ug_mutex_unlock(&s->m), 0);
	}
	return 0;
}

TEST(nobody_starves)
{
	struct shared s = {.m = UG_ZERO};
	struct helper h[2];
	start(&h[0], hog, &s);
	start(&h[1], hog, &s);
	UNTIL(load_acquire(&s.started));
	for (int i = 0; i < 20; i++) {
		UG_WITH_TIMEOUT(5 * UG_SECOND) {
			CHECK_IS(ug_mutex_lock(&s.m), 0);
			CHECK_IS(ug_mutex_unlock(&s.m), 0);
		}
	}
	store_release(&s.stop, 1u);
	CHECK_IS(finish(&h[0]), 0);
	CHECK_IS(finish(&h[1]), 0);
	CHECK_IS(s.m.state_, 0);
	return 0;
}

static int lock_once(void *p)
{
	struct shared *s = p;
	int e = ug_mutex_lock(&s->m);
	return e < 0 ? e : ug_mutex_unlock(&s->m);
}

static int lock_in_scope(void *p)
{
	struct shared *s = p;
	int e = 0;
	UG_WITH_TIMEOUT(UG_MS)
		e = ug_mutex_lock(&s->m);
	return e;
}

TEST(deadline_while_queued)
{
	struct shared s = {.m = UG_ZERO};
	struct helper late, patient;
	CHECK_IS(ug_mutex_lock(&s.m), 0);
	start(&late, lock_in_scope, &s);
	CHECK_IS(finish(&late), -ETIMEDOUT);
	CHECK_IS(s.m.state_, 1);
	start(&patient, lock_once, &s);
	UNTIL(waiting(&s.m.waiters_));
	start(&late, lock_in_scope, &s);
	CHECK_IS(finish(&late), -ETIMEDOUT);
	CHECK(waiting(&s.m.waiters_));
	CHECK_IS(ug_mutex_unlock(&s.m), 0);
	CHECK_IS(finish(&patient), 0);
	CHECK_IS(s.m.state_, 0);
	return 0;
}

/* Condition ------------------------------------------------------------------------------------------------------- */

static int wait_turn(void *p)
{
	struct shared *s = p;
	CHECK_IS(ug_mutex_lock(&s->m), 0);
	int mine = s->n++;
	CHECK_IS(ug_cond_wait(&s->c, &s->m), 0);
	s->order[s->inside++] = mine;
	return ug_mutex_unlock(&s->m);
}

static int counted(struct shared *s, const int *what)
{
	CHECK_IS(ug_mutex_lock(&s->m), 0);
	int n = *what;
	CHECK_IS(ug_mutex_unlock(&s->m), 0);
	return n;
}

TEST(signals_in_order)
{
	struct shared s = {.m = UG_ZERO};
	struct helper h[4];
	ug_cond_signal(&s.c);
	ug_cond_broadcast(&s.c);
	for (int i = 0; i < 4; i++) {
		start(&h[i], wait_turn, &s);
		UNTIL(counted(&s, &s.n) == i + 1);
	}
	for (int i = 0; i < 2; i++) {
		CHECK_IS(counted(&s, &s.inside), i);
		ug_cond_signal(&s.c);
		UNTIL(counted(&s, &s.inside) == i + 1);
		CHECK_IS(s.order[i], i);
	}
	ug_cond_broadcast(&s.c);
	for (int i = 0; i < 4; i++)
		CHECK_IS(finish(&h[i]), 0);
	CHECK_IS(s.inside, 4);
	CHECK(!waiting(&s.c.waiters_));
	return 0;
}

TEST(condition_needs_its_mutex)
{
	struct shared s = {.m = UG_ZERO};
	CHECK_IS(ug_cond_wait(&s.c, &s.m), -EINVAL);
	CHECK(!waiting(&s.c.waiters_));
	CHECK_IS(ug_mutex_lock(&s.m), 0);
	UG_WITH_TIMEOUT(0)
		CHECK_IS(ug_cond_wait(&s.c, &s.m), -ETIMEDOUT);
	CHECK(ug__mutex_held(&s.m));
	UG_WITH_TIMEOUT(UG_MS)
		CHECK_IS(ug_cond_wait(&s.c, &s.m), -ETIMEDOUT);
	CHECK(ug__mutex_held(&s.m));
	CHECK(!waiting(&s.c.waiters_));
	CHECK_IS(ug_mutex_unlock(&s.m), 0);
	return 0;
}

/* The mutex is locked again even where somebody holds it for long after the context's end. */
static int wait_in_scope(void *p)
{
	struct shared *s = p;
	CHECK_IS(ug_mutex_lock(&s->m), 0);
	ug_ctx_push(&s->scope);
	int e = ug_cond_wait(&s->c, &s->m);
	CHECK(ug__mutex_held(&s->m));
	CHECK_IS(s->inside, 0);
	ug_ctx_pop(&s->scope);
	CHECK_IS(ug_mutex_unlock(&s->m), 0);
	return e;
}

TEST(locked_again_at_all_costs)
{
	struct shared s = {.m = UG_ZERO};
	struct helper h;
	start(&h, wait_in_scope, &s);
	UNTIL(waiting(&s.c.waiters_));
	CHECK_IS(ug_mutex_lock(&s.m), 0);
	s.inside = 1;
	CHECK_IS(ug_ctx_cancel(&s.scope, 0), 1);
	UNTIL(waiting(&s.m.waiters_));
	for (int i = 0; i < 50; i++)
		ug_yield();
	s.inside = 0;
	CHECK_IS(ug_mutex_unlock(&s.m), 0);
	CHECK_IS(finish(&h), -ECANCELED);
	CHECK_IS(s.m.state_, 0);
	return 0;
}

/* A bounded buffer of one with signals only: a signal that went to one whose time ran out would hang it. */
static int produce(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < EACH; i++) {
		CHECK_IS(ug_mutex_lock(&s->m), 0);
		while (s->n) {
			int e = 0;
			UG_WITH_TIMEOUT(i % 7 ? UG_FOREVER : i % 30 * UG_US)
				e = ug_cond_wait(&s->c, &s->m);
			if (e == 0)
				continue;
			/* It may not have waited at all, and so not have let go of the mutex. */
			CHECK_IS(e, -ETIMEDOUT);
			CHECK_IS(ug_mutex_unlock(&s->m), 0);
			ug_yield();
			CHECK_IS(ug_mutex_lock(&s->m), 0);
		}
		s->n = 1;
		s->plain++;
		ug_cond_signal(&s->d);
		CHECK_IS(ug_mutex_unlock(&s->m), 0);
	}
	return 0;
}

static int consume(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < EACH; i++) {
		CHECK_IS(ug_mutex_lock(&s->m), 0);
		while (!s->n)
			CHECK_IS(ug_cond_wait(&s->d, &s->m), 0);
		s->n = 0;
		CHECK_IS(ug_mutex_unlock(&s->m), 0);
		ug_cond_signal(&s->c);
	}
	return 0;
}

TEST(no_signal_is_lost)
{
	struct shared s = {.m = UG_ZERO};
	in_parallel(4, consume, produce, &s);
	CHECK_IS(s.plain, 2 * EACH);
	CHECK_IS(s.n, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_exclusion),
		cmocka_unit_test(test_some_give_up),
		cmocka_unit_test(test_nobody_starves),
		cmocka_unit_test(test_deadline_while_queued),
		cmocka_unit_test(test_signals_in_order),
		cmocka_unit_test(test_condition_needs_its_mutex),
		cmocka_unit_test(test_locked_again_at_all_costs),
		cmocka_unit_test(test_no_signal_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
