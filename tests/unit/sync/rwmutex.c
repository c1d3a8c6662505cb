/* SPDX-License-Identifier: MIT */
/* Reader and writer lock: who is let in beside whom, the order of the queue, those who give up, hammering. */
#include "sync_test.h"

struct shared {
	ug_rwmutex m;
	int64_t value, copy; /* the same, whenever no writer is inside */
	int readers, writers;
	uint32_t inside, go;
};

TEST(alone)
{
	ug_rwmutex m = UG_ZERO;
	CHECK_IS(ug_rwmutex_unlock(&m), -EINVAL);
	CHECK_IS(ug_rwmutex_runlock(&m), -EINVAL);
	CHECK_IS(ug_rwmutex_rlock(&m), 0);
	CHECK_IS(ug_rwmutex_try_rlock(&m), 0);
	CHECK_IS(ug_rwmutex_try_lock(&m), -EBUSY);
	CHECK_IS(ug_rwmutex_unlock(&m), -EINVAL);
	CHECK_IS(ug_rwmutex_runlock(&m), 0);
	CHECK_IS(ug_rwmutex_runlock(&m), 0);
	CHECK_IS(ug_rwmutex_runlock(&m), -EINVAL);
	CHECK_IS(ug_rwmutex_lock(&m), 0);
	CHECK_IS(ug_rwmutex_try_lock(&m), -EBUSY);
	CHECK_IS(ug_rwmutex_try_rlock(&m), -EBUSY);
	CHECK_IS(ug_rwmutex_runlock(&m), -EINVAL);
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_rwmutex_rlock(&m), -ETIMEDOUT);
		CHECK_IS(ug_rwmutex_lock(&m), -ETIMEDOUT);
	}
	CHECK_IS(ug_rwmutex_unlock(&m), 0);
	UG_WITH_TIMEOUT(0) {
		CHECK_IS(ug_rwmutex_rlock(&m), -ETIMEDOUT);
		CHECK_IS(ug_rwmutex_lock(&m), -ETIMEDOUT);
	}
	CHECK_IS(m.state_, 0);
	return 0;
}

static int read_until_told(void *p)
{
	struct shared *s = p;
	CHECK_IS(ug_rwmutex_rlock(&s->m), 0);
	add_acq_rel(&s->inside, 1u);
	UNTIL(load_acquire(&s->go));
	return ug_rwmutex_runlock(&s->m);
}

static int write_once(void *p)
{
	struct shared *s = p;
	CHECK_IS(ug_rwmutex_lock(&s->m), 0);
	s->writers++;
	return ug_rwmutex_unlock(&s->m);
}

static int write_in_scope(void *p)
{
	struct shared *s = p;
	int e = 0;
	UG_WITH_TIMEOUT(UG_MS)
		e = ug_rwmutex_lock(&s->m);
	return e;
}

static int read_once(void *p)
{
	struct shared *s = p;
	CHECK_IS(ug_rwmutex_rlock(&s->m), 0);
	CHECK_IS(s->writers, 1);
	return ug_rwmutex_runlock(&s->m);
}

/* Readers are inside together; a writer that waits keeps new ones out, and they come right after it. */
TEST(writer_holds_off_readers)
{
	struct shared s = {.m = UG_ZERO};
	struct helper r[2], w, late;
	start(&r[0], read_until_told, &s);
	start(&r[1], read_until_told, &s);
	UNTIL(load_acquire(&s.inside) == 2);
	start(&w, write_once, &s);
	UNTIL(waiting(&s.m.waiters_));
	CHECK_IS(ug_rwmutex_try_rlock(&s.m), -EBUSY);
	start(&late, read_once, &s);
	UNTIL(queue_length(&s.m.waiters_, &s.m.lock_) == 2);
	CHECK_IS(s.writers, 0);
	store_release(&s.go, 1u);
	CHECK_IS(finish(&r[0]), 0);
	CHECK_IS(finish(&r[1]), 0);
	CHECK_IS(finish(&w), 0);
	CHECK_IS(finish(&late), 0);
	CHECK_IS(s.m.state_, 0);
	return 0;
}

/* A writer that gives up lets in the readers that stood behind it. */
TEST(writer_gives_up)
{
	struct shared s = {.m = UG_ZERO, .writers = 1};
	struct helper w, r[3];
	CHECK_IS(ug_rwmutex_rlock(&s.m), 0);
	start(&w, write_in_scope, &s);
	for (int i = 0; i < 3; i++)
		start(&r[i], read_once, &s);
	CHECK_IS(finish(&w), -ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		CHECK_IS(finish(&r[i]), 0);
	CHECK_IS(ug_rwmutex_runlock(&s.m), 0);
	CHECK_IS(s.m.state_, 0);
	return 0;
}

enum { SIDES = 6, EACH = 3000 };

static int hammer(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < EACH; i++) {
		int e;
		if (i % 10 == 0) {
			UG_WITH_TIMEOUT(i % 4 ? UG_FOREVER : i % 40 * UG_US) {
				e = i % 20 ? ug_rwmutex_lock(&s->m) : ug_rwmutex_try_lock(&s->m);
				if (e == 0) {
					CHECK_IS(add_relaxed(&s->inside, 1u), 0);
					s->value++;
					if (i % 30 == 0)
						ug_yield();
					s->copy++;
					add_relaxed(&s->inside, -1u);
					CHECK_IS(ug_rwmutex_unlock(&s->m), 0);
					add_relaxed(&s->writers, 1);
				}
			}
		} else {
			UG_WITH_TIMEOUT(i % 4 ? UG_FOREVER : i % 40 * UG_US) {
				e = ug_rwmutex_rlock(&s->m);
				if (e == 0) {
					CHECK_IS(s->value, s->copy);
					if (i % 33 == 0)
						ug_yield();
					CHECK_IS(load_relaxed(&s->inside), 0);
					CHECK_IS(ug_rwmutex_runlock(&s->m), 0);
				}
			}
		}
	}
	return 0;
}

TEST(exclusion)
{
	struct shared s = {.m = UG_ZERO};
	in_parallel(SIDES, hammer, hammer, &s);
	CHECK_IS(s.value, s.writers);
	CHECK_IS(ug_rwmutex_try_lock(&s.m), 0);
	CHECK_IS(ug_rwmutex_unlock(&s.m), 0);
	CHECK(!waiting(&s.m.waiters_));
	return 0;
}

/* Readers that come and go without a pause can not keep a writer out. */
static int read_on_and_on(void *p)
{
	struct shared *s = p;
	while (!load_acquire(&s->go)) {
		CHECK_IS(ug_rwmutex_rlock(&s->m), 0);
		ug_yield();
		CHECK_IS(ug_rwmutex_runlock(&s->m), 0);
	}
	return 0;
}

TEST(writer_does_not_starve)
{
	struct shared s = {.m = UG_ZERO};
	struct helper h[4];
	for (int i = 0; i < 4; i++)
		start(&h[i], read_on_and_on, &s);
	for (int i = 0; i < 50; i++)
		UG_WITH_TIMEOUT(5 * UG_SECOND) {
			CHECK_IS(ug_rwmutex_lock(&s.m), 0);
			CHECK_IS(ug_rwmutex_unlock(&s.m), 0);
		}
	store_release(&s.go, 1u);
	for (int i = 0; i < 4; i++)
		CHECK_IS(finish(&h[i]), 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_writer_holds_off_readers),
		cmocka_unit_test(test_writer_gives_up),
		cmocka_unit_test(test_exclusion),
		cmocka_unit_test(test_writer_does_not_starve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
