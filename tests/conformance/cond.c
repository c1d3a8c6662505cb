/* SPDX-License-Identifier: MIT */
/*
 * Condition, once, wait group and weighted semaphore. Written from what Go's sync and x/sync/semaphore packages
 * document and their tests demand; Go's panics are -EINVAL here.
 */
#include "actor.h"

struct shared {
	ug_mutex m;
	ug_cond c, d;
	ug_once once;
	ug_waitgroup wg;
	ug_sem sem;
	int waiting, tokens, order[8], woken, value; /* guarded by m */
	atomic_int ran, go_on, inside, most;
	int_chan ch;
};

static void lock(struct shared *s)
{
	CHECK_EQ(ug_mutex_lock(&s->m), 0);
}

static void unlock(struct shared *s)
{
	CHECK_EQ(ug_mutex_unlock(&s->m), 0);
}

/* Condition ------------------------------------------------------------------------------------------------------ */

struct queuer {
	struct actor actor;
	struct shared *s;
	int index;
};

static int wait_once(void *p)
{
	struct queuer *q = p;
	struct shared *s = q->s;
	UG_TRY(ug_mutex_lock(&s->m));
	s->waiting++;
	int e = ug_cond_wait(&s->c, &s->m);
	s->order[s->woken++] = q->index;
	UG_TRY(ug_mutex_unlock(&s->m));
	return e;
}

/* The waiter counts itself and waits in one critical section: who sees the count with the lock held sees it wait. */
static void await_waiting(struct shared *s, int n)
{
	for (int seen = 0; !seen; ug_yield()) {
		lock(s);
		seen = s->waiting >= n;
		unlock(s);
	}
}

static int woken(struct shared *s)
{
	lock(s);
	int n = s->woken;
	unlock(s);
	return n;
}

static void signal_wakes_who_waited_longest(void)
{
	struct shared s = {.value = 0};
	struct queuer q[5];
	for (int i = 0; i < 5; i++) {
		q[i] = (struct queuer){.s = &s, .index = i};
		start(&q[i].actor, wait_once, &q[i]);
		await_waiting(&s, i + 1);
	}
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(woken(&s), i);
		ug_cond_signal(&s.c);
		UNTIL(woken(&s) == i + 1);
	}
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(join(&q[i].actor), 0);
		CHECK_EQ(s.order[i], i);
	}
}

static void broadcast_wakes_all(void)
{
	struct shared s = {.value = 0};
	struct queuer q[6];
	for (int i = 0; i < 6; i++) {
		q[i] = (struct queuer){.s = &s, .index = i};
		start(&q[i].actor, wait_once, &q[i]);
	}
	await_waiting(&s, 6);
	CHECK_EQ(woken(&s), 0);
	ug_cond_broadcast(&s.c);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(join(&q[i].actor), 0);
	CHECK_EQ(woken(&s), 6);
}

static void signals_are_not_remembered(void)
{
	struct shared s = {.value = 0};
	ug_cond_signal(&s.c);
	ug_cond_broadcast(&s.c);
	lock(&s);
	UG_WITH_TIMEOUT(3 * UG_MS)
		CHECK_EQ(ug_cond_wait(&s.c, &s.m), -ETIMEDOUT);
	CHECK_EQ(ug_mutex_try_lock(&s.m), -EBUSY);
	unlock(&s);
}

static void signal_skips_who_was_cancelled(void)
{
	struct shared s = {.value = 0};
	struct queuer q = {.s = &s};
	lock(&s);
	UG_WITH_TIMEOUT(UG_MS)
		CHECK_EQ(ug_cond_wait(&s.c, &s.m), -ETIMEDOUT);
	unlock(&s);
	start(&q.actor, wait_once, &q);
	await_waiting(&s, 1);
	ug_cond_signal(&s.c);
	CHECK_EQ(join(&q.actor), 0);
}

static int hold_then_cancel(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_mutex_lock(&s->m));
	atomic_store(&s->ran, 1);
	UNTIL(atomic_load(&s->go_on));
	return ug_mutex_unlock(&s->m);
}

static int release_it(void *p)
{
	struct shared *s = p;
	settle();
	settle();
	atomic_store(&s->go_on, 1);
	return 0;
}

/* The lock is taken again even when that takes longer than the deadline. */
static void taking_the_lock_again_is_not_cut_short(void)
{
	struct shared s = {.value = 0};
	struct actor holder, releaser;
	lock(&s);
	start(&holder, hold_then_cancel, &s);
	UG_WITH_TIMEOUT(UG_MS) {
		start(&releaser, release_it, &s);
		CHECK_EQ(ug_cond_wait(&s.c, &s.m), -ETIMEDOUT);
		CHECK_EQ(ug_mutex_try_lock(&s.m), -EBUSY);
	}
	CHECK_EQ(ug_mutex_unlock(&s.m), 0);
	CHECK_EQ(join(&releaser), 0);
	CHECK_EQ(join(&holder), 0);
}

static int make_tokens(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 200; i++) {
		UG_TRY(ug_mutex_lock(&s->m));
		while (s->tokens >= 3)
			UG_TRY(ug_cond_wait(&s->d, &s->m));
		s->tokens++;
		ug_cond_signal(&s->c);
		UG_TRY(ug_mutex_unlock(&s->m));
	}
	return 0;
}

static int take_tokens(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 200; i++) {
		UG_TRY(ug_mutex_lock(&s->m));
		while (s->tokens == 0)
			UG_TRY(ug_cond_wait(&s->c, &s->m));
		s->tokens--;
		ug_cond_signal(&s->d);
		UG_TRY(ug_mutex_unlock(&s->m));
	}
	return 0;
}

static void bounded_buffer_with_two_conditions(void)
{
	struct shared s = {.value = 0};
	struct actor a[6];
	for (int i = 0; i < 6; i++)
		start(&a[i], i % 2 ? make_tokens : take_tokens, &s);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(join(&a[i]), 0);
	CHECK_EQ(s.tokens, 0);
}

/* Once ----------------------------------------------------------------------------------------------------------- */

static int run_slowly(void *p)
{
	struct shared *s = p;
	atomic_fetch_add(&s->ran, 1);
	for (int i = 0; i < 20; i++)
		ug_yield();
	s->value = 7; /* plain: once publishes it */
	return -ENOSPC;
}

static int do_once(void *p)
{
	struct shared *s = p;
	int e = ug_once_do(&s->once, run_slowly, s);
	if (s->value != 7)
		return -EIO;
	return e;
}

static void once_runs_once_and_all_get_its_result(void)
{
	struct shared s = {.value = 0};
	struct actor a[8];
	for (int i = 0; i < 8; i++)
		start(&a[i], do_once, &s);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(join(&a[i]), -ENOSPC);
	CHECK_EQ(atomic_load(&s.ran), 1);
	CHECK_EQ(ug_once_do(&s.once, run_slowly, &s), -ENOSPC);
	CHECK_EQ(atomic_load(&s.ran), 1);
}

static int other_function(void *p)
{
	struct shared *s = p;
	atomic_fetch_add(&s->ran, 100);
	return 1;
}

static void once_does_not_care_which_function(void)
{
	struct shared s = {.value = 0};
	CHECK_EQ(ug_once_do(&s.once, other_function, &s), 1);
	CHECK_EQ(ug_once_do(&s.once, run_slowly, &s), 1);
	CHECK_EQ(atomic_load(&s.ran), 100);
}

static int wait_inside(void *p)
{
	struct shared *s = p;
	atomic_store(&s->ran, 1);
	return next(s->ch);
}

static int do_wait_inside(void *p)
{
	struct shared *s = p;
	return ug_once_do(&s->once, wait_inside, s);
}

static void once_waits_for_the_run_of_another(void)
{
	CHAN ch = chan_of(0);
	struct shared s = {.ch = ch};
	struct actor a[3];
	start(&a[0], do_wait_inside, &s);
	UNTIL(atomic_load(&s.ran) == 1);
	for (int i = 1; i < 3; i++)
		start(&a[i], do_wait_inside, &s);
	settle();
	CHECK_EQ(put(ch, 4), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(join(&a[i]), 4);
}

/* Wait group ----------------------------------------------------------------------------------------------------- */

static void zero_waitgroup_does_not_wait(void)
{
	ug_waitgroup w = UG_ZERO;
	CHECK_EQ(ug_waitgroup_wait(&w), 0);
	CHECK_EQ(ug_waitgroup_add(&w, 0), 0);
	CHECK_EQ(ug_waitgroup_wait(&w), 0);
}

static void waitgroup_never_falls_below_zero(void)
{
	ug_waitgroup w = UG_ZERO;
	CHECK_EQ(ug_waitgroup_done(&w), -EINVAL);
	CHECK_EQ(ug_waitgroup_add(&w, -1), -EINVAL);
	CHECK_EQ(ug_waitgroup_add(&w, 2), 0);
	CHECK_EQ(ug_waitgroup_add(&w, -3), -EINVAL);
	CHECK_EQ(ug_waitgroup_add(&w, -1), 0);
	CHECK_EQ(ug_waitgroup_done(&w), 0);
	CHECK_EQ(ug_waitgroup_wait(&w), 0);
}

static int work_then_done(void *p)
{
	struct shared *s = p;
	ug_yield();
	atomic_fetch_add(&s->ran, 1);
	return ug_waitgroup_done(&s->wg);
}

/* Go's testWaitGroup: all are through before the wait is; and it can be used again. */
static void waitgroup_waits_for_all_again_and_again(void)
{
	struct shared s = {.value = 0};
	for (int round = 1; round <= 5; round++) {
		struct actor a[8];
		CHECK_EQ(ug_waitgroup_add(&s.wg, 8), 0);
		for (int i = 0; i < 8; i++)
			start(&a[i], work_then_done, &s);
		CHECK_EQ(ug_waitgroup_wait(&s.wg), 0);
		CHECK_EQ(atomic_load(&s.ran), 8 * round);
		for (int i = 0; i < 8; i++)
			CHECK_EQ(join(&a[i]), 0);
	}
}

static int wait_for_group(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_waitgroup_wait(&s->wg));
	return atomic_load(&s->ran);
}

static void all_waiters_of_a_waitgroup_wake(void)
{
	struct shared s = {.value = 0};
	struct actor a[4];
	CHECK_EQ(ug_waitgroup_add(&s.wg, 2), 0);
	for (int i = 0; i < 4; i++)
		start(&a[i], wait_for_group, &s);
	settle();
	CHECK_EQ(ug_waitgroup_done(&s.wg), 0);
	settle();
	atomic_store(&s.ran, 1);
	CHECK_EQ(ug_waitgroup_done(&s.wg), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(join(&a[i]), 1);
}

/* Semaphore ------------------------------------------------------------------------------------------------------ */

static void semaphore_counts_weights(void)
{
	ug_sem s;
	ug_sem_init(&s, 10);
	CHECK_EQ(ug_sem_acquire(&s, 4), 0);
	CHECK_EQ(ug_sem_try_acquire(&s, 7), -EBUSY);
	CHECK_EQ(ug_sem_try_acquire(&s, 6), 0);
	CHECK_EQ(ug_sem_try_acquire(&s, 1), -EBUSY);
	CHECK_EQ(ug_sem_try_acquire(&s, 0), 0);
	CHECK_EQ(ug_sem_release(&s, 4), 0);
	CHECK_EQ(ug_sem_try_acquire(&s, 4), 0);
	CHECK_EQ(ug_sem_release(&s, 10), 0);
}

static void semaphore_refuses_what_cannot_be(void)
{
	ug_sem s;
	ug_sem_init(&s, 3);
	CHECK_EQ(ug_sem_acquire(&s, 4), -EINVAL);
	CHECK_EQ(ug_sem_acquire(&s, -1), -EINVAL);
	CHECK_EQ(ug_sem_try_acquire(&s, -1), -EINVAL);
	CHECK_EQ(ug_sem_release(&s, 1), -EINVAL);
	CHECK_EQ(ug_sem_acquire(&s, 2), 0);
	CHECK_EQ(ug_sem_release(&s, 3), -EINVAL);
	CHECK_EQ(ug_sem_release(&s, -1), -EINVAL);
	CHECK_EQ(ug_sem_release(&s, 2), 0);
	CHECK_EQ(ug_sem_acquire(&s, 3), 0);
	CHECK_EQ(ug_sem_release(&s, 3), 0);
}

static int acquire_all(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_sem_acquire(&s->sem, 4));
	atomic_store(&s->ran, 1);
	return ug_sem_release(&s->sem, 4);
}

static int acquire_one(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_sem_acquire(&s->sem, 1));
	int ran = atomic_load(&s->ran);
	UG_TRY(ug_sem_release(&s->sem, 1));
	return ran;
}

static int try_fails(ug_sem *sem)
{
	int e = ug_sem_try_acquire(sem, 1);
	if (e == 0)
		CHECK_EQ(ug_sem_release(sem, 1), 0);
	return e == -EBUSY;
}

/* x/sync's TestLargeAcquireDoesntStarve: small ones that come later do not pass a large one. */
static void semaphore_is_first_come_first_served(void)
{
	struct shared s = {.value = 0};
	struct actor large, small;
	ug_sem_init(&s.sem, 4);
	CHECK_EQ(ug_sem_acquire(&s.sem, 1), 0);
	start(&large, acquire_all, &s);
	UNTIL(try_fails(&s.sem)); /* three are free, yet the large one comes first */
	start(&small, acquire_one, &s);
	settle();
	CHECK_EQ(atomic_load(&s.ran), 0);
	CHECK_EQ(ug_sem_release(&s.sem, 1), 0);
	CHECK_EQ(join(&large), 0);
	CHECK_EQ(join(&small), 1);
}

static int acquire_all_impatiently(void *p)
{
	struct shared *s = p;
	int e = 0;
	UG_WITH_TIMEOUT(5 * UG_MS)
		e = ug_sem_acquire(&s->sem, 4);
	return e;
}

/* x/sync's TestAllocCancelDoesntStarve: when the large one gives up, those behind it go on. */
static void cancelled_acquire_lets_the_next_go(void)
{
	struct shared s = {.value = 0};
	struct actor large, small;
	ug_sem_init(&s.sem, 4);
	CHECK_EQ(ug_sem_acquire(&s.sem, 1), 0);
	start(&large, acquire_all_impatiently, &s);
	start(&small, acquire_one, &s);
	CHECK_EQ(join(&large), -ETIMEDOUT);
	CHECK_EQ(join(&small), 0); /* while one is still out */
	CHECK_EQ(ug_sem_release(&s.sem, 1), 0);
}

static int use_some(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 100; i++) {
		int n = 1 + i % 3;
		UG_TRY(ug_sem_acquire(&s->sem, n));
		int now = atomic_fetch_add(&s->inside, n) + n;
		if (now > atomic_load(&s->most))
			atomic_store(&s->most, now);
		ug_yield();
		atomic_fetch_sub(&s->inside, n);
		UG_TRY(ug_sem_release(&s->sem, n));
	}
	return 0;
}

static void semaphore_bounds_what_is_out(void)
{
	struct shared s = {.value = 0};
	struct actor a[6];
	ug_sem_init(&s.sem, 4);
	for (int i = 0; i < 6; i++)
		start(&a[i], use_some, &s);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(join(&a[i]), 0);
	CHECK(atomic_load(&s.most) <= 4);
	CHECK_EQ(ug_sem_try_acquire(&s.sem, 4), 0);
	CHECK_EQ(ug_sem_release(&s.sem, 4), 0);
}

static const struct CMUnitTest tests[] = {
	ALL(signal_wakes_who_waited_longest),
	ALL(broadcast_wakes_all),
	ALL(signals_are_not_remembered),
	ALL(signal_skips_who_was_cancelled),
	ALL(taking_the_lock_again_is_not_cut_short),
	ALL(bounded_buffer_with_two_conditions),
	ALL(once_runs_once_and_all_get_its_result),
	ALL(once_does_not_care_which_function),
	ALL(once_waits_for_the_run_of_another),
	ALL(zero_waitgroup_does_not_wait),
	ALL(waitgroup_never_falls_below_zero),
	ALL(waitgroup_waits_for_all_again_and_again),
	ALL(all_waiters_of_a_waitgroup_wake),
	ALL(semaphore_counts_weights),
	ALL(semaphore_refuses_what_cannot_be),
	ALL(semaphore_is_first_come_first_served),
	ALL(cancelled_acquire_lets_the_next_go),
	ALL(semaphore_bounds_what_is_out),
	BARE(bounded_buffer_with_two_conditions),
	BARE(once_runs_once_and_all_get_its_result),
	BARE(waitgroup_waits_for_all_again_and_again),
	BARE(semaphore_bounds_what_is_out),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
