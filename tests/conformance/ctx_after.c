/* SPDX-License-Identifier: MIT */
/*
 * Contexts: functions that run after the end, and who inherits what. Written from what Go's tests of context.AfterFunc
 * demand.
 */
#include "actor.h"

static const int key_a;

struct race {
	ug_ctx *scope;
	int cause;
};

static int cancel_it(void *p)
{
	struct race *r = p;
	return ug_ctx_cancel(r->scope, r->cause);
}

/* After ---------------------------------------------------------------------------------------------------------- */

struct after {
	atomic_int runs;
	int err;
	int64_t deadline;
	void *value;
	int_chan done;
};

static int after(void *p)
{
	struct after *a = p;
	a->err = ug_ctx_err(NULL);
	a->deadline = ug_ctx_deadline(NULL);
	a->value = ug_ctx_value(NULL, &key_a);
	atomic_fetch_add(&a->runs, 1);
	return put(a->done, 1);
}

static void after_runs_once_at_the_cancel(void)
{
	CHAN done = chan_of(2);
	struct after a = {.done = done};
	struct ug_after record;
	ug_ctx c;
	ug_ctx_push(&c);
	ug_ctx_after(&c, &record, after, &a);
	settle();
	CHECK_EQ(atomic_load(&a.runs), 0);
	CHECK_EQ(ug_ctx_cancel(&c, 0), 1);
	CHECK_EQ(ug_ctx_cancel(&c, 0), 0);
	UG_SHIELD
		CHECK_EQ(next(done), 1);
	ug_ctx_pop(&c);
	CHECK_EQ(atomic_load(&a.runs), 1);
	CHECK_EQ(a.err, 0); /* a task of its own, in the root context */
	CHECK_EQ(ug_after_stop(&record), 0);
}

static void after_runs_at_the_deadline(void)
{
	CHAN done = chan_of(1);
	struct after a = {.done = done};
	struct ug_after record;
	UG_WITH_TIMEOUT(2 * UG_MS) {
		ug_ctx_after(NULL, &record, after, &a);
		ug_ctx shield;
		ug_ctx_push_shield(&shield);
		CHECK_EQ(next(done), 1);
		ug_ctx_pop(&shield);
		CHECK_EQ(ug_ctx_err(NULL), -ETIMEDOUT);
	}
	CHECK_EQ(atomic_load(&a.runs), 1);
	CHECK_EQ(a.deadline, UG_FOREVER);
}

static void stopped_after_does_not_run(void)
{
	CHAN done = chan_of(1);
	struct after a = {.done = done};
	struct ug_after record;
	ug_ctx c;
	ug_ctx_push(&c);
	ug_ctx_after(&c, &record, after, &a);
	CHECK_EQ(ug_after_stop(&record), 1);
	CHECK_EQ(ug_after_stop(&record), 0);
	CHECK_EQ(ug_ctx_cancel(&c, 0), 1);
	ug_ctx_pop(&c);
	settle();
	CHECK_EQ(atomic_load(&a.runs), 0);
	CHECK_EQ(try_next(done), -EAGAIN);
}

static void after_an_ended_context_runs_at_once(void)
{
	CHAN done = chan_of(1);
	struct after a = {.done = done};
	struct ug_after record;
	ug_ctx c;
	ug_ctx_push(&c);
	CHECK_EQ(ug_ctx_cancel(&c, 0), 1);
	ug_ctx_after(&c, &record, after, &a);
	UG_SHIELD
		CHECK_EQ(next(done), 1);
	CHECK_EQ(ug_after_stop(&record), 0);
	ug_ctx_pop(&c);
}

static void outer_end_starts_inner_afters(void)
{
	CHAN done = chan_of(8);
	struct after a[8];
	struct ug_after record[8];
	ug_ctx outer, inner;
	ug_ctx_push(&outer);
	ug_ctx_push(&inner);
	for (int i = 0; i < 8; i++) {
		a[i] = (struct after){.done = done};
		ug_ctx_after(i % 2 ? &outer : &inner, &record[i], after, &a[i]);
	}
	CHECK_EQ(ug_after_stop(&record[3]), 1);
	CHECK_EQ(ug_after_stop(&record[4]), 1);
	CHECK_EQ(ug_ctx_cancel(&outer, 0), 1);
	UG_SHIELD
		for (int i = 0; i < 6; i++)
			CHECK_EQ(next(done), 1);
	ug_ctx_pop(&inner);
	ug_ctx_pop(&outer);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(atomic_load(&a[i].runs), i != 3 && i != 4);
}

/* A stop that answers 1 has won: fn never runs. One that answers 0 has lost: fn runs. */
static void stop_and_cancel_race(void)
{
	for (int i = 0; i < 100; i++) {
		CHAN done = chan_of(1);
		struct after a = {.done = done};
		struct ug_after record;
		ug_ctx c;
		ug_ctx_push(&c);
		ug_ctx_after(&c, &record, after, &a);
		struct race r = {&c, 0};
		struct actor canceller;
		start(&canceller, cancel_it, &r);
		if (i % 2)
			UNTIL(ug_ctx_err(&c) < 0);
		int stopped = ug_after_stop(&record);
		memset(&record, 0xee, sizeof record); /* the caller's again, whoever won */
		CHECK_EQ(join(&canceller), 1);
		UG_SHIELD
			if (!stopped)
				CHECK_EQ(next(done), 1);
		ug_ctx_pop(&c);
		CHECK_EQ(atomic_load(&a.runs), !stopped);
	}
}

/* Inheritance ---------------------------------------------------------------------------------------------------- */

static void ug_go_starts_in_the_root_context(void)
{
	CHAN done = chan_of(1);
	struct after a = {.done = done};
	int v;
	ug_ctx value;
	ug_ctx_push_value(&value, &key_a, &v);
	UG_WITH_TIMEOUT(0) {
		CHECK_EQ(ug_go(after, &a), 0);
		ug_ctx shield;
		ug_ctx_push_shield(&shield);
		CHECK_EQ(next(done), 1);
		ug_ctx_pop(&shield);
	}
	CHECK_EQ(a.err, 0);
	CHECK_EQ(a.deadline, UG_FOREVER);
	CHECK(a.value == NULL);
	ug_ctx_pop(&value);
}

static void group_tasks_inherit_deadline_and_values(void)
{
	CHAN done = chan_of(1);
	struct after a = {.done = done};
	int v;
	ug_ctx value, timed;
	ug_ctx_push_value(&value, &key_a, &v);
	ug_ctx_push_timeout(&timed, UG_HOUR);
	ug_group g;
	UG_GROUP(&g)
		CHECK_EQ(ug_group_go(&g, after, &a), 0);
	CHECK_EQ(ug_group_result(&g), 0);
	CHECK_EQ(a.deadline, ug_ctx_deadline(&timed));
	CHECK(a.value == &v);
	CHECK_EQ(next(done), 1);
	ug_ctx_pop(&timed);
	ug_ctx_pop(&value);
}

static void group_tasks_do_not_inherit_the_spawners_scope(void)
{
	CHAN done = chan_of(1);
	struct after a = {.done = done};
	ug_group g;
	UG_GROUP(&g) {
		ug_ctx inner;
		ug_ctx_push_timeout(&inner, UG_HOUR);
		CHECK_EQ(ug_group_go(&g, after, &a), 0);
		ug_ctx_pop(&inner);
		CHECK_EQ(next(done), 1);
	}
	CHECK_EQ(ug_group_result(&g), 0);
	CHECK_EQ(a.deadline, UG_FOREVER);
}

static const struct CMUnitTest tests[] = {
	ALL(after_runs_once_at_the_cancel),
	ALL(after_runs_at_the_deadline),
	ALL(stopped_after_does_not_run),
	ALL(after_an_ended_context_runs_at_once),
	ALL(outer_end_starts_inner_afters),
	ALL(stop_and_cancel_race),
	ALL(ug_go_starts_in_the_root_context),
	ALL(group_tasks_inherit_deadline_and_values),
	ALL(group_tasks_do_not_inherit_the_spawners_scope),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
