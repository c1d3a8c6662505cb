/* SPDX-License-Identifier: MIT */
/*
 * Mutex and read-write mutex. Written from what Go's sync package documents and its mutex_test.go and rwmutex_test.go
 * demand; Go's fatal errors are -EINVAL here.
 */
#include "actor.h"

/* Mutex ---------------------------------------------------------------------------------------------------------- */

static void zero_mutex_is_unlocked(void)
{
	ug_mutex m = UG_ZERO;
	CHECK_EQ(ug_mutex_unlock(&m), -EINVAL);
	CHECK_EQ(ug_mutex_lock(&m), 0);
	CHECK_EQ(ug_mutex_unlock(&m), 0);
	CHECK_EQ(ug_mutex_unlock(&m), -EINVAL);
	CHECK_EQ(ug_mutex_lock(&m), 0);
	CHECK_EQ(ug_mutex_unlock(&m), 0);
}

static void try_lock_never_waits(void)
{
	ug_mutex m = UG_ZERO;
	CHECK_EQ(ug_mutex_try_lock(&m), 0);
	CHECK_EQ(ug_mutex_try_lock(&m), -EBUSY);
	CHECK_EQ(ug_mutex_unlock(&m), 0);
	CHECK_EQ(ug_mutex_try_lock(&m), 0);
	CHECK_EQ(ug_mutex_unlock(&m), 0);
}

struct shared {
	ug_mutex m;
	ug_rwmutex rw;
	int plain, inside; /* guarded */
	int64_t writers, readers;
	atomic_int entered, out, wrong;
	int_chan ch;
};

static int lock_once(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_mutex_lock(&s->m));
	atomic_fetch_add(&s->entered, 1);
	return ug_mutex_unlock(&s->m);
}

static void locked_mutex_makes_others_wait(void)
{
	struct shared s = {.plain = 0};
	struct actor a[3];
	CHECK_EQ(ug_mutex_lock(&s.m), 0);
	for (int i = 0; i < 3; i++)
		start(&a[i], lock_once, &s);
	settle();
	CHECK_EQ(atomic_load(&s.entered), 0);
	CHECK_EQ(ug_mutex_unlock(&s.m), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(join(&a[i]), 0);
	CHECK_EQ(atomic_load(&s.entered), 3);
	CHECK_EQ(ug_mutex_unlock(&s.m), -EINVAL);
}

static int count_under_lock(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 500; i++) {
		UG_TRY(ug_mutex_lock(&s->m));
		if (s->inside++)
			atomic_fetch_add(&s->wrong, 1);
		s->plain++;
		if (i % 50 == 0)
			ug_yield(); /* may move to another thread with the lock held */
		s->inside--;
		UG_TRY(ug_mutex_unlock(&s->m));
	}
	return 0;
}

static void only_one_is_inside(void)
{
	struct shared s = {.plain = 0};
	struct actor a[8];
	for (int i = 0; i < 8; i++)
		start(&a[i], count_under_lock, &s);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(join(&a[i]), 0);
	CHECK_EQ(s.plain, 8 * 500);
	CHECK_EQ(atomic_load(&s.wrong), 0);
}

static int try_count(void *p)
{
	struct shared *s = p;
	int got = 0;
	for (int i = 0; i < 2000 && got < 200; i++) {
		if (ug_mutex_try_lock(&s->m) < 0) {
			ug_yield();
			continue;
		}
		got++;
		s->plain++;
		UG_TRY(ug_mutex_unlock(&s->m));
	}
	return got;
}

static void try_and_lock_exclude_each_other(void)
{
	struct shared s = {.plain = 0};
	struct actor a[4];
	int total = 0;
	for (int i = 0; i < 4; i++)
		start(&a[i], i % 2 ? count_under_lock : try_count, &s);
	for (int i = 0; i < 4; i++) {
		int n = join(&a[i]);
		CHECK(n >= 0);
		total += i % 2 ? 500 : n;
	}
	CHECK_EQ(s.plain, total);
}

static int unlock_it(void *p)
{
	struct shared *s = p;
	return ug_mutex_unlock(&s->m);
}

static void another_actor_may_unlock(void)
{
	struct shared s = {.plain = 0};
	struct actor a;
	CHECK_EQ(ug_mutex_lock(&s.m), 0);
	start(&a, unlock_it, &s);
	CHECK_EQ(ug_mutex_lock(&s.m), 0);
	CHECK_EQ(join(&a), 0);
	CHECK_EQ(ug_mutex_unlock(&s.m), 0);
}

static int hog_lock(void *p)
{
	struct shared *s = p;
	while (!atomic_load(&s->out)) {
		UG_TRY(ug_mutex_lock(&s->m));
		int64_t until = ug_now() + 100 * UG_US;
		while (ug_now() < until)
			;
		UG_TRY(ug_mutex_unlock(&s->m));
	}
	return 0;
}

/* Go's TestMutexFairness: who holds the lock for long and takes it again at once does not keep others out. */
static void nobody_starves_beside_a_hog(void)
{
	struct shared s = {.plain = 0};
	struct actor hog;
	start(&hog, hog_lock, &s);
	for (int i = 0; i < 10; i++) {
		UG_WITH_TIMEOUT(5 * CONF_SLOW * UG_SECOND) {
			if (!CHECK_EQ(ug_mutex_lock(&s.m), 0))
				i = 10;
			else
				CHECK_EQ(ug_mutex_unlock(&s.m), 0);
		}
		ug_yield();
	}
	atomic_store(&s.out, 1);
	CHECK_EQ(join(&hog), 0);
}

static int lock_impatiently(void *p)
{
	struct shared *s = p;
	int got = 0;
	for (int i = 0; i < 300; i++) {
		int e = -ETIMEDOUT;
		UG_WITH_TIMEOUT(30 * UG_US)
			e = ug_mutex_lock(&s->m);
		if (e == -ETIMEDOUT)
			continue;
		UG_TRY(e);
		s->plain++;
		got++;
		if (i % 8 == 0)
			ug_yield();
		UG_TRY(ug_mutex_unlock(&s->m));
	}
	return got;
}

static void cancelled_locks_lose_no_wake(void)
{
	struct shared s = {.plain = 0};
	struct actor a[6];
	int total = 0;
	for (int i = 0; i < 6; i++)
		start(&a[i], i < 4 ? lock_impatiently : count_under_lock, &s);
	for (int i = 0; i < 6; i++) {
		int n = join(&a[i]);
		CHECK(n >= 0);
		total += i < 4 ? n : 500;
	}
	CHECK_EQ(s.plain, total);
	CHECK_EQ(ug_mutex_try_lock(&s.m), 0);
	CHECK_EQ(ug_mutex_unlock(&s.m), 0);
}

/* Read-write mutex ----------------------------------------------------------------------------------------------- */

static void zero_rwmutex_is_unlocked(void)
{
	ug_rwmutex m = UG_ZERO;
	CHECK_EQ(ug_rwmutex_unlock(&m), -EINVAL);
	CHECK_EQ(ug_rwmutex_runlock(&m), -EINVAL);
	CHECK_EQ(ug_rwmutex_lock(&m), 0);
	CHECK_EQ(ug_rwmutex_unlock(&m), 0);
	CHECK_EQ(ug_rwmutex_rlock(&m), 0);
	CHECK_EQ(ug_rwmutex_runlock(&m), 0);
	CHECK_EQ(ug_rwmutex_unlock(&m), -EINVAL);
	CHECK_EQ(ug_rwmutex_runlock(&m), -EINVAL);
}

static void wrong_unlock_is_refused(void)
{
	ug_rwmutex m = UG_ZERO;
	CHECK_EQ(ug_rwmutex_rlock(&m), 0);
	CHECK_EQ(ug_rwmutex_unlock(&m), -EINVAL);
	CHECK_EQ(ug_rwmutex_runlock(&m), 0);
	CHECK_EQ(ug_rwmutex_lock(&m), 0);
	CHECK_EQ(ug_rwmutex_runlock(&m), -EINVAL);
	CHECK_EQ(ug_rwmutex_unlock(&m), 0);
}

static void tries_on_a_rwmutex(void)
{
	ug_rwmutex m = UG_ZERO;
	CHECK_EQ(ug_rwmutex_try_lock(&m), 0);
	CHECK_EQ(ug_rwmutex_try_lock(&m), -EBUSY);
	CHECK_EQ(ug_rwmutex_try_rlock(&m), -EBUSY);
	CHECK_EQ(ug_rwmutex_unlock(&m), 0);
	CHECK_EQ(ug_rwmutex_try_rlock(&m), 0);
	CHECK_EQ(ug_rwmutex_try_rlock(&m), 0);
	CHECK_EQ(ug_rwmutex_try_lock(&m), -EBUSY);
	CHECK_EQ(ug_rwmutex_runlock(&m), 0);
	CHECK_EQ(ug_rwmutex_try_lock(&m), -EBUSY);
	CHECK_EQ(ug_rwmutex_runlock(&m), 0);
	CHECK_EQ(ug_rwmutex_try_lock(&m), 0);
	CHECK_EQ(ug_rwmutex_unlock(&m), 0);
}

static int read_together(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_rwmutex_rlock(&s->rw));
	atomic_fetch_add(&s->entered, 1);
	UNTIL(atomic_load(&s->entered) == 4); /* all four hold it */
	return ug_rwmutex_runlock(&s->rw);
}

static void readers_are_inside_together(void)
{
	struct shared s = {.plain = 0};
	struct actor a[4];
	for (int i = 0; i < 4; i++)
		start(&a[i], read_together, &s);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(join(&a[i]), 0);
}

static int write_once(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_rwmutex_lock(&s->rw));
	atomic_fetch_add(&s->entered, 1);
	return ug_rwmutex_unlock(&s->rw);
}

static int read_once(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_rwmutex_rlock(&s->rw));
	atomic_fetch_add(&s->out, 1);
	return ug_rwmutex_runlock(&s->rw);
}

static void writer_waits_for_all_readers(void)
{
	struct shared s = {.plain = 0};
	struct actor a;
	CHECK_EQ(ug_rwmutex_rlock(&s.rw), 0);
	CHECK_EQ(ug_rwmutex_rlock(&s.rw), 0);
	start(&a, write_once, &s);
	settle();
	CHECK_EQ(ug_rwmutex_runlock(&s.rw), 0);
	settle();
	CHECK_EQ(atomic_load(&s.entered), 0);
	CHECK_EQ(ug_rwmutex_runlock(&s.rw), 0);
	CHECK_EQ(join(&a), 0);
	CHECK_EQ(atomic_load(&s.entered), 1);
}

static int no_reader_enters(ug_rwmutex *m)
{
	if (ug_rwmutex_try_rlock(m) == 0) {
		CHECK_EQ(ug_rwmutex_runlock(m), 0);
		return 0;
	}
	return 1;
}

/* A writer that has just come may keep readers out for a moment, let them in again, and only then wait. */
static int no_reader_enters_any_more(ug_rwmutex *m)
{
	if (!no_reader_enters(m))
		return 0;
	settle();
	return no_reader_enters(m);
}

static void waiting_writer_holds_off_new_readers(void)
{
	struct shared s = {.plain = 0};
	struct actor writer, reader;
	CHECK_EQ(ug_rwmutex_rlock(&s.rw), 0);
	start(&writer, write_once, &s);
	UNTIL(no_reader_enters_any_more(&s.rw));
	start(&reader, read_once, &s);
	settle();
	CHECK_EQ(atomic_load(&s.out), 0);
	CHECK_EQ(atomic_load(&s.entered), 0);
	CHECK_EQ(ug_rwmutex_runlock(&s.rw), 0);
	CHECK_EQ(join(&writer), 0);
	CHECK_EQ(join(&reader), 0);
}

/* Readers that were held off go before the next writer: neither side starves. */
static void writers_end_lets_waiting_readers_in(void)
{
	struct shared s = {.plain = 0};
	struct actor reader[3];
	CHECK_EQ(ug_rwmutex_lock(&s.rw), 0);
	for (int i = 0; i < 3; i++)
		start(&reader[i], read_once, &s);
	settle();
	CHECK_EQ(atomic_load(&s.out), 0);
	CHECK_EQ(ug_rwmutex_unlock(&s.rw), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(join(&reader[i]), 0);
	CHECK_EQ(atomic_load(&s.out), 3);
}

static void cancelled_writer_lets_readers_in(void)
{
	struct shared s = {.plain = 0};
	struct actor reader;
	CHECK_EQ(ug_rwmutex_rlock(&s.rw), 0);
	UG_WITH_TIMEOUT(3 * UG_MS) {
		start(&reader, read_once, &s);
		CHECK_EQ(ug_rwmutex_lock(&s.rw), -ETIMEDOUT);
	}
	CHECK_EQ(join(&reader), 0); /* although the first reader is still inside */
	CHECK_EQ(ug_rwmutex_runlock(&s.rw), 0);
}

static int hammer_write(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 150; i++) {
		UG_TRY(ug_rwmutex_lock(&s->rw));
		if (s->inside++)
			atomic_fetch_add(&s->wrong, 1);
		s->plain++;
		if (i % 20 == 0)
			ug_yield();
		s->inside--;
		UG_TRY(ug_rwmutex_unlock(&s->rw));
	}
	return 0;
}

static int hammer_read(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 150; i++) {
		UG_TRY(ug_rwmutex_rlock(&s->rw));
		int before = s->plain;
		if (s->inside)
			atomic_fetch_add(&s->wrong, 1);
		if (i % 20 == 0)
			ug_yield();
		if (s->plain != before)
			atomic_fetch_add(&s->wrong, 1);
		UG_TRY(ug_rwmutex_runlock(&s->rw));
	}
	return 0;
}

static int hammer_impatiently(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 150; i++) {
		int e = 0;
		UG_WITH_TIMEOUT(30 * UG_US)
			e = i % 2 ? ug_rwmutex_lock(&s->rw) : ug_rwmutex_rlock(&s->rw);
		if (e == -ETIMEDOUT)
			continue;
		UG_TRY(e);
		UG_TRY(i % 2 ? ug_rwmutex_unlock(&s->rw) : ug_rwmutex_runlock(&s->rw));
	}
	return 0;
}

static void readers_and_writers_exclude_each_other(void)
{
	struct shared s = {.plain = 0};
	struct actor a[8];
	for (int i = 0; i < 8; i++)
		start(&a[i], i < 3 ? hammer_write : i < 6 ? hammer_read : hammer_impatiently, &s);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(join(&a[i]), 0);
	CHECK_EQ(s.plain, 3 * 150);
	CHECK_EQ(atomic_load(&s.wrong), 0);
	CHECK_EQ(ug_rwmutex_try_lock(&s.rw), 0);
	CHECK_EQ(ug_rwmutex_unlock(&s.rw), 0);
}

static int read_for_ever(void *p)
{
	struct shared *s = p;
	while (!atomic_load(&s->entered)) {
		UG_TRY(ug_rwmutex_rlock(&s->rw));
		ug_yield();
		UG_TRY(ug_rwmutex_runlock(&s->rw));
	}
	return 0;
}

static void writer_does_not_starve_beside_readers(void)
{
	struct shared s = {.plain = 0};
	struct actor a[3];
	for (int i = 0; i < 3; i++)
		start(&a[i], read_for_ever, &s);
	settle();
	CHECK_EQ(write_once(&s), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(join(&a[i]), 0);
}

static const struct CMUnitTest tests[] = {
	ALL(zero_mutex_is_unlocked),
	ALL(try_lock_never_waits),
	ALL(locked_mutex_makes_others_wait),
	ALL(only_one_is_inside),
	ALL(try_and_lock_exclude_each_other),
	ALL(another_actor_may_unlock),
	ALL(nobody_starves_beside_a_hog),
	ALL(cancelled_locks_lose_no_wake),
	ALL(zero_rwmutex_is_unlocked),
	ALL(wrong_unlock_is_refused),
	ALL(tries_on_a_rwmutex),
	ALL(readers_are_inside_together),
	ALL(writer_waits_for_all_readers),
	ALL(waiting_writer_holds_off_new_readers),
	ALL(writers_end_lets_waiting_readers_in),
	ALL(cancelled_writer_lets_readers_in),
	ALL(readers_and_writers_exclude_each_other),
	ALL(writer_does_not_starve_beside_readers),
	BARE(only_one_is_inside),
	BARE(cancelled_locks_lose_no_wake),
	BARE(readers_and_writers_exclude_each_other),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
