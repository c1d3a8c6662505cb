/* SPDX-License-Identifier: MIT */
/*
 * Who unlocks may not touch the lock once another could have had it: that one may be its last user, and give the
 * storage away. Here it is one whose wait was cancelled while the unlock was on its way to wake it. The race detector
 * sees it; without one little does.
 */
#include "sync_test.h"

#include <string.h>

struct dying {
	ug_mutex m;
	ug_rwmutex rw;
	ug_ctx scope;
	int kind;
	uint32_t users, held;
};

enum { MUTEX, WRITER, READER };

static int lock(struct dying *d)
{
	return d->kind == MUTEX ? ug_mutex_lock(&d->m) : ug_rwmutex_lock(&d->rw);
}

static int unlock(struct dying *d, int kind)
{
	return kind == MUTEX     ? ug_mutex_unlock(&d->m)
		: kind == WRITER ? ug_rwmutex_unlock(&d->rw)
				 : ug_rwmutex_runlock(&d->rw);
}

static uint32_t *queue_lock(struct dying *d)
{
	return d->kind == MUTEX ? &d->m.lock_ : &d->rw.lock_;
}

static void leave(struct dying *d, int kind)
{
	int last = add_relaxed(&d->users, -1u) == 1;
	CHECK_IS(unlock(d, kind), 0);
	if (last)
		memset(d, 0xee, sizeof *d);
}

static int cancelled_user(void *p)
{
	struct dying *d = p;
	ug_ctx_push(&d->scope);
	int e = lock(d);
	ug_ctx_pop(&d->scope);
	if (e < 0)
		CHECK_IS(lock(d), 0);
	leave(d, d->kind == MUTEX ? MUTEX : WRITER);
	return 0;
}

/* While it holds the queue's lock, the one who gave up and the one who unlocks both come to wait for that, in any
 * order. */
static int hold_queue(void *p)
{
	struct dying *d = p;
	ug__lock(queue_lock(d));
	store_release(&d->held, 1u);
	for (int64_t until = ug_now() + 300 * UG_US; ug_now() < until;)
		;
	ug__unlock(queue_lock(d));
	return 0;
}

static void rounds(int kind)
{
	ROUNDS_FOR(i, 1000)
	{
		struct dying d = {.kind = kind, .users = 2};
		struct helper user, holder;
		CHECK_IS(kind == READER ? ug_rwmutex_rlock(&d.rw) : lock(&d), 0);
		start(&user, cancelled_user, &d);
		UNTIL(waiting(kind == MUTEX ? &d.m.waiters_ : &d.rw.waiters_));
		start(&holder, hold_queue, &d);
		UNTIL(load_acquire(&d.held));
		CHECK_IS(ug_ctx_cancel(&d.scope, 0), 1);
		leave(&d, kind);
		CHECK_IS(finish(&holder), 0);
		CHECK_IS(finish(&user), 0);
	}
}

TEST(mutex)
{
	rounds(MUTEX);
	return 0;
}

TEST(writer)
{
	rounds(WRITER);
	return 0;
}

TEST(reader)
{
	rounds(READER);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutex),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
