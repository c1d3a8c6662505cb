/* SPDX-License-Identifier: MIT */
/* Threads under tasks: pinned tasks, calls that block. */
#include "actor.h"

struct shared {
	atomic_int ran, go_on, order;
	int_chan ch;
	int tid[4];
};

/* Pinned tasks --------------------------------------------------------------------------------------------------- */

static int stay(void *p)
{
	struct shared *s = p;
	CHECK_EQ(ug_pin(), 0);
	CHECK_EQ(ug_pin(), 0);
	int tid = thread_id();
	for (int i = 0; i < 30; i++) {
		if (i % 10 == 9)
			CHECK_EQ(ug_sleep(200 * UG_US), 0);
		else if (i % 3 == 0)
			CHECK_EQ(put(s->ch, i), 0);
		else
			ug_yield();
		CHECK_EQ(thread_id(), tid);
	}
	ug_unpin();
	ug_yield();
	CHECK_EQ(thread_id(), tid); /* pins nest */
	ug_unpin();
	return 0;
}

static int drain(void *p)
{
	struct shared *s = p;
	int e;
	while ((e = next(s->ch)) >= 0)
		;
	return e == -EPIPE ? 0 : e;
}

static void pinned_tasks_stay_on_their_thread(void)
{
	CHAN ch = chan_of(0);
	struct shared s = {.ch = ch};
	struct actor a[6], sink[2];
	for (int i = 0; i < 2; i++)
		start(&sink[i], drain, &s);
	for (int i = 0; i < 6; i++)
		start(&a[i], stay, &s);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(join(&a[i]), 0);
	CHECK_EQ(ug_close(ch), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(join(&sink[i]), 0);
}

static int pin_and_note(void *p)
{
	struct shared *s = p;
	int n = atomic_fetch_add(&s->order, 1);
	CHECK_EQ(ug_pin(), 0);
	s->tid[n] = thread_id();
	UNTIL(atomic_load(&s->order) == 4);
	ug_yield();
	CHECK_EQ(thread_id(), s->tid[n]);
	atomic_fetch_add(&s->ran, 1);
	UNTIL(atomic_load(&s->ran) == 4); /* all are pinned at once: on four threads */
	ug_unpin();
	return 0;
}

static void pinned_tasks_have_threads_of_their_own(void)
{
	struct shared s = {.ran = 0};
	struct actor a[4];
	for (int i = 0; i < 4; i++)
		start(&a[i], pin_and_note, &s);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(join(&a[i]), 0);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++)
			CHECK(s.tid[i] != s.tid[k]);
}

/* Calls that block ----------------------------------------------------------------------------------------------- */

static int block_on_flag(void *p)
{
	struct shared *s = p;
	s->tid[0] = thread_id();
	atomic_store(&s->ran, 1);
	for (int i = 0; i < 100000 && !atomic_load(&s->go_on); i++)
		usleep(100);
	return atomic_load(&s->go_on) ? 9 : -EIO;
}

static int call_blocking(void *p)
{
	return ug_blocking(block_on_flag, p);
}

static void blocking_calls_block_nobody(void)
{
	struct shared s = {.ran = 0};
	struct actor a;
	start(&a, call_blocking, &s);
	UNTIL(atomic_load(&s.ran));
	CHECK(s.tid[0] != thread_id());
	atomic_store(&s.go_on, 1);
	CHECK_EQ(join(&a), 9);
}

static void many_blocking_calls_at_once(void)
{
	enum { N = 8 };
	struct shared s[N];
	struct actor a[N];
	memset(s, 0, sizeof s);
	for (int i = 0; i < N; i++)
		start(&a[i], call_blocking, &s[i]);
	for (int i = 0; i < N; i++)
		UNTIL(atomic_load(&s[i].ran)); /* all of them run at the same time */
	for (int i = 0; i < N; i++)
		atomic_store(&s[i].go_on, 1);
	for (int i = 0; i < N; i++)
		CHECK_EQ(join(&a[i]), 9);
}

struct cut {
	struct shared s;
	ug_ctx *_Atomic scope;
	int err;
};

static int blocking_in_scope(void *p)
{
	struct cut *c = p;
	ug_ctx scope;
	ug_ctx_push(&scope);
	atomic_store(&c->scope, &scope);
	int e = ug_blocking(block_on_flag, &c->s);
	c->err = ug_ctx_err(NULL);
	ug_ctx_pop(&scope);
	return e;
}

static void running_blocking_call_is_not_cut_short(void)
{
	struct cut c;
	struct actor a;
	memset(&c, 0, sizeof c);
	start(&a, blocking_in_scope, &c);
	UNTIL(atomic_load(&c.s.ran));
	CHECK_EQ(ug_ctx_cancel(atomic_load(&c.scope), 0), 1);
	settle();
	atomic_store(&c.s.go_on, 1);
	CHECK_EQ(join(&a), 9);
	CHECK_EQ(c.err, -ECANCELED);
}

static const struct CMUnitTest tests[] = {
	ALL(pinned_tasks_stay_on_their_thread),
	ALL(pinned_tasks_have_threads_of_their_own),
	ALL(blocking_calls_block_nobody),
	ALL(many_blocking_calls_at_once),
	ALL(running_blocking_call_is_not_cut_short),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
