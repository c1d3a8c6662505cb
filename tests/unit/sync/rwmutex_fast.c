/* SPDX-License-Identifier: MIT */
/* Reader and writer lock where reads are so many that their locks are noted with workers: nobody is overlooked. */
#include "sync_test.h"

#include "sched/sched.h"

struct shared {
	ug_rwmutex m;
	int64_t value, copy; /* the same, whenever no writer is inside */
	int64_t writes;
	uint32_t inside, go;
};

/* Until readers are noted. */
static void read_often(ug_rwmutex *m)
{
	for (int i = 0; i < 1000; i++) {
		CHECK_IS(ug_rwmutex_rlock(m), 0);
		CHECK_IS(ug_rwmutex_runlock(m), 0);
	}
}

static int is_noted(ug_rwmutex *m)
{
	struct ug__worker_head *w = ug__worker_head();
	return w && ug__holds(w, &m->state_);
}

TEST(reads_are_noted)
{
	ug_rwmutex m = UG_ZERO, other = UG_ZERO;
	read_often(&m);
	read_often(&other);
	CHECK_IS(ug_rwmutex_rlock(&m), 0);
	CHECK_IS(is_noted(&m), body_is_task);
	CHECK_IS(ug_rwmutex_try_lock(&m), -EBUSY);
	CHECK_IS(ug_rwmutex_rlock(&other), 0); /* a second one is not */
	CHECK_IS(is_noted(&m), body_is_task);
	CHECK_IS(ug_rwmutex_try_lock(&other), -EBUSY);
	ug_yield(); /* counts it */
	CHECK_IS(is_noted(&m), 0);
	CHECK_IS(ug_rwmutex_try_lock(&m), -EBUSY);
	UG_WITH_TIMEOUT(UG_MS)
		CHECK_IS(ug_rwmutex_lock(&m), -ETIMEDOUT);
	CHECK_IS(ug_rwmutex_runlock(&m), 0);
	CHECK_IS(ug_rwmutex_runlock(&m), -EINVAL);
	CHECK_IS(ug_rwmutex_runlock(&other), 0);
	for (int i = 0; i < 20; i++) {
		CHECK_IS(ug_rwmutex_lock(&m), 0);
		CHECK_IS(ug_rwmutex_try_rlock(&m), -EBUSY);
		CHECK_IS(ug_rwmutex_unlock(&m), 0);
	}
	CHECK_IS(m.state_, 0);
	CHECK_IS(ug_rwmutex_unlock(&m), -EINVAL);
	return 0;
}

static int write_once(void *p)
{
	struct shared *s = p;
	CHECK_IS(ug_rwmutex_lock(&s->m), 0);
	CHECK_IS(load_acquire(&s->inside), 0);
	s->writes++;
	return ug_rwmutex_unlock(&s->m);
}

/* Inside all the time, and on its core: at one processor that has to be taken from it. */
static int read_until_writer_waits(void *p)
{
	struct shared *s = p;
	CHECK_IS(ug_rwmutex_rlock(&s->m), 0);
	add_acq_rel(&s->inside, 1u);
	store_release(&s->go, 1u);
	while (!waiting(&s->m.waiters_))
		;
	add_acq_rel(&s->inside, -1u);
	return ug_rwmutex_runlock(&s->m);
}

TEST(writer_waits_for_one_that_computes)
{
	for (int i = 0; i < 5; i++) {
		struct shared s = {.m = UG_ZERO};
		struct helper r, w;
		read_often(&s.m);
		start(&r, read_until_writer_waits, &s);
		UNTIL(load_acquire(&s.go));
		start(&w, write_once, &s);
		CHECK_IS(finish(&w), 0);
		CHECK_IS(finish(&r), 0);
		CHECK_IS(s.writes, 1);
	}
	return 0;
}

/* Leaves its lock to another. */
static int read_and_leave(void *p)
{
	struct shared *s = p;
	CHECK_IS(ug_rwmutex_rlock(&s->m), 0);
	store_release(&s->go, 1u);
	for (int64_t until = ug_now() + 200 * UG_US; ug_now() < until;)
		;
	return 0;
}

TEST(another_lets_go)
{
	for (int i = 0; i < 20; i++) {
		struct shared s = {.m = UG_ZERO};
		struct helper r;
		read_often(&s.m);
		start(&r, read_and_leave, &s);
		UNTIL(load_acquire(&s.go));
		CHECK_IS(ug_rwmutex_runlock(&s.m), 0);
		CHECK_IS(finish(&r), 0);
		CHECK_IS(ug_rwmutex_try_lock(&s.m), 0);
		CHECK_IS(ug_rwmutex_unlock(&s.m), 0);
		CHECK_IS(ug_rwmutex_runlock(&s.m), -EINVAL);
	}
	return 0;
}

enum { SIDES = 6, EACH = 20000 };

static int hammer(void *p)
{
	struct shared *s = p;
	int64_t until = ug_now() + UG_SECOND;
	for (int i = 1; i <= EACH && ug_now() < until; i++) {
		int e = 0;
		if (i % 50 == 0) {
			UG_WITH_TIMEOUT(i % 4 ? UG_FOREVER : i % 40 * UG_US) {
				e = i % 150 ? ug_rwmutex_lock(&s->m) : ug_rwmutex_try_lock(&s->m);
				if (e == 0) {
					s->value++;
					if (i % 200 == 0)
						ug_yield();
					s->copy++;
					s->writes++;
					CHECK_IS(ug_rwmutex_unlock(&s->m), 0);
				}
			}
			continue;
		}
		CHECK_IS(ug_rwmutex_rlock(&s->m), 0);
		int64_t value = load_relaxed(&s->value);
		if (i % 333 == 0)
			ug_yield();
		CHECK_IS(s->copy, value);
		CHECK_IS(ug_rwmutex_runlock(&s->m), 0);
	}
	return 0;
}

TEST(exclusion)
{
	struct shared s = {.m = UG_ZERO};
	in_parallel(SIDES, hammer, hammer, &s);
	CHECK_IS(s.value, s.writes);
	CHECK(!waiting(&s.m.waiters_));
	CHECK_IS(ug_rwmutex_try_lock(&s.m), 0);
	CHECK_IS(ug_rwmutex_unlock(&s.m), 0);
	return 0;
}

/* A task that pins itself gives its processor away: it is not noted, beside others that may be. */
static int hammer_pinned(void *p)
{
	struct shared *s = p;
	CHECK_IS(ug_pin(), 0);
	CHECK_IS(ug_rwmutex_rlock(&s->m), 0);
	CHECK_IS(is_noted(&s->m), 0);
	CHECK_IS(ug_rwmutex_runlock(&s->m), 0);
	CHECK_IS(hammer(s), 0);
	ug_unpin();
	return 0;
}

TEST(exclusion_with_pinned)
{
	struct shared s = {.m = UG_ZERO};
	in_parallel(SIDES, hammer, hammer_pinned, &s);
	CHECK_IS(s.value, s.writes);
	CHECK_IS(ug_rwmutex_try_lock(&s.m), 0);
	CHECK_IS(ug_rwmutex_unlock(&s.m), 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_are_noted),
		cmocka_unit_test(test_writer_waits_for_one_that_computes),
		cmocka_unit_test(test_another_lets_go),
		cmocka_unit_test(test_exclusion),
		cmocka_unit_test(test_exclusion_with_pinned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
