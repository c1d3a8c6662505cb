/* SPDX-License-Identifier: MIT */
/*
 * Contexts: scopes, deadlines, cancellation with a cause, values, shields. Written from what Go's context_test.go and
 * x_test.go demand, where Go has the thing.
 */
#include "actor.h"

/* The root and scopes -------------------------------------------------------------------------------------------- */

static void root_goes_on_for_ever(void)
{
	static const int key;
	CHECK(ug_ctx_current() != NULL);
	CHECK_EQ(ug_ctx_err(NULL), 0);
	CHECK_EQ(ug_ctx_cause(NULL), 0);
	CHECK_EQ(ug_ctx_deadline(NULL), UG_FOREVER);
	CHECK(ug_ctx_value(NULL, &key) == NULL);
}

static void scope_is_current_until_popped(void)
{
	ug_ctx *root = ug_ctx_current();
	ug_ctx a, b;
	ug_ctx_push(&a);
	CHECK(ug_ctx_current() == &a);
	ug_ctx_push_timeout(&b, UG_HOUR);
	CHECK(ug_ctx_current() == &b);
	CHECK_EQ(ug_ctx_err(&b), 0);
	ug_ctx_pop(&b);
	CHECK(ug_ctx_current() == &a);
	ug_ctx_pop(&a);
	CHECK(ug_ctx_current() == root);
	ug_ctx_pop(NULL);
	CHECK(ug_ctx_current() == root);
}

static int leave_by_return(void)
{
	UG_WITH_TIMEOUT(UG_HOUR)
		return 3;
	return 4;
}

static void blocks_close_however_they_are_left(void)
{
	ug_ctx *root = ug_ctx_current();
	UG_WITH_TIMEOUT(UG_HOUR) {
		CHECK(ug_ctx_current() != root);
		break;
	}
	CHECK(ug_ctx_current() == root);
	CHECK_EQ(leave_by_return(), 3);
	CHECK(ug_ctx_current() == root);
	int rounds = 0;
	for (int i = 0; i < 3; i++) {
		UG_SHIELD {
			rounds++;
			continue;
		}
		CHECK(ug_ctx_current() == root);
	}
	CHECK_EQ(rounds, 3);
	UG_WITH_DEADLINE(UG_FOREVER)
		goto out;
out:
	CHECK(ug_ctx_current() == root);
}

/* Deadlines ------------------------------------------------------------------------------------------------------ */

static void timeout_ends_a_wait_not_before_its_time(void)
{
	int64_t begin = ug_now();
	UG_WITH_TIMEOUT(5 * UG_MS) {
		CHECK_EQ(ug_sleep(UG_HOUR), -ETIMEDOUT);
		CHECK_EQ(ug_ctx_err(NULL), -ETIMEDOUT);
		CHECK_EQ(ug_ctx_cause(NULL), -ETIMEDOUT);
	}
	CHECK(ug_now() - begin >= 5 * UG_MS);
	CHECK_EQ(ug_ctx_err(NULL), 0);
	CHECK_EQ(ug_sleep(1), 0);
}

static void deadline_ends_a_wait_not_before_its_time(void)
{
	int64_t when = ug_now() + 4 * UG_MS;
	UG_WITH_DEADLINE(when) {
		CHECK_EQ(ug_ctx_deadline(NULL), when);
		CHECK_EQ(ug_sleep_until(UG_FOREVER), -ETIMEDOUT);
	}
	CHECK(ug_now() >= when);
}

static void earlier_inner_deadline_wins(void)
{
	ug_ctx outer, inner;
	ug_ctx_push_timeout(&outer, UG_HOUR);
	int64_t far = ug_ctx_deadline(&outer);
	ug_ctx_push_timeout(&inner, 2 * UG_MS);
	CHECK(ug_ctx_deadline(&inner) < far);
	CHECK_EQ(ug_sleep(UG_MINUTE), -ETIMEDOUT);
	CHECK_EQ(ug_ctx_err(&outer), 0);
	ug_ctx_pop(&inner);
	CHECK_EQ(ug_ctx_deadline(NULL), far);
	CHECK_EQ(ug_sleep(1), 0);
	ug_ctx_pop(&outer);
}

static void later_inner_deadline_changes_nothing(void)
{
	ug_ctx outer, inner;
	ug_ctx_push_timeout(&outer, 3 * UG_MS);
	int64_t near = ug_ctx_deadline(NULL);
	ug_ctx_push_timeout(&inner, UG_HOUR);
	CHECK_EQ(ug_ctx_deadline(NULL), near);
	CHECK_EQ(ug_sleep(UG_MINUTE), -ETIMEDOUT);
	CHECK_EQ(ug_ctx_err(&inner), -ETIMEDOUT);
	CHECK_EQ(ug_ctx_err(&outer), -ETIMEDOUT);
	ug_ctx_pop(&inner);
	ug_ctx_pop(&outer);
}

static void deadlines_in_the_past_end_at_once(void)
{
	static const int64_t past[] = {0, -1, -UG_HOUR, INT64_MIN};
	for (size_t i = 0; i < UG_COUNT_OF(past); i++) {
		UG_WITH_TIMEOUT(past[i]) {
			CHECK_EQ(ug_ctx_err(NULL), -ETIMEDOUT);
			CHECK_EQ(ug_sleep(UG_HOUR), -ETIMEDOUT);
		}
		UG_WITH_DEADLINE(past[i])
			CHECK_EQ(ug_sleep(UG_HOUR), -ETIMEDOUT);
	}
}

static void for_ever_is_no_deadline(void)
{
	UG_WITH_TIMEOUT(UG_FOREVER) {
		CHECK_EQ(ug_ctx_deadline(NULL), UG_FOREVER);
		CHECK_EQ(ug_sleep(UG_MS), 0);
	}
	UG_WITH_TIMEOUT(UG_FOREVER - 1)
		CHECK_EQ(ug_sleep(UG_MS), 0);
	UG_WITH_DEADLINE(UG_FOREVER)
		CHECK_EQ(ug_sleep(UG_MS), 0);
}

static void popped_deadlines_stay_silent(void)
{
	ug_ctx c;
	for (int i = 0; i < 100; i++) {
		ug_ctx_push_timeout(&c, UG_MS);
		ug_ctx_pop(&c);
	}
	memset(&c, 0xa5, sizeof c); /* the storage is the caller's again */
	CHECK_EQ(ug_sleep(3 * UG_MS), 0);
	CHECK_EQ(ug_ctx_err(NULL), 0);
}

static void deadline_is_seen_without_a_wait(void)
{
	UG_WITH_TIMEOUT(UG_MS) {
		int64_t begin = ug_now();
		while (ug_now() < begin + UG_MS)
			;
		UNTIL(ug_ctx_err(NULL) != 0);
		CHECK_EQ(ug_ctx_err(NULL), -ETIMEDOUT);
		CHECK_EQ(ug_sleep(0), -ETIMEDOUT);
	}
}

/* Cancellation --------------------------------------------------------------------------------------------------- */

static void cancel_ends_the_scope_and_no_more(void)
{
	ug_ctx outer, c;
	ug_ctx_push(&outer);
	ug_ctx_push(&c);
	CHECK_EQ(ug_ctx_cancel(&c, 0), 1);
	CHECK_EQ(ug_ctx_err(NULL), -ECANCELED);
	CHECK_EQ(ug_ctx_cause(NULL), -ECANCELED);
	CHECK_EQ(ug_sleep(UG_HOUR), -ECANCELED);
	CHECK_EQ(ug_ctx_err(&outer), 0);
	ug_ctx_pop(&c);
	CHECK_EQ(ug_sleep(1), 0);
	ug_ctx_pop(&outer);
}

static void cancel_gives_a_cause(void)
{
	ug_ctx c;
	ug_ctx_push(&c);
	CHECK_EQ(ug_ctx_cancel(&c, -ENOSPC), 1);
	CHECK_EQ(ug_ctx_err(&c), -ECANCELED);
	CHECK_EQ(ug_ctx_cause(&c), -ENOSPC);
	ug_ctx_pop(&c);
}

static void first_cancel_wins(void)
{
	ug_ctx c;
	ug_ctx_push(&c);
	CHECK_EQ(ug_ctx_cancel(&c, -ENOSPC), 1);
	CHECK_EQ(ug_ctx_cancel(&c, -EIO), 0);
	CHECK_EQ(ug_ctx_cancel(&c, 0), 0);
	CHECK_EQ(ug_ctx_cause(&c), -ENOSPC);
	ug_ctx_pop(&c);
}

static void cancel_after_the_deadline_changes_nothing(void)
{
	ug_ctx c;
	ug_ctx_push_timeout(&c, UG_MS);
	CHECK_EQ(ug_sleep(UG_HOUR), -ETIMEDOUT);
	CHECK_EQ(ug_ctx_cancel(&c, -EIO), 0);
	CHECK_EQ(ug_ctx_err(&c), -ETIMEDOUT);
	CHECK_EQ(ug_ctx_cause(&c), -ETIMEDOUT);
	ug_ctx_pop(&c);
}

static void deadline_after_a_cancel_changes_nothing(void)
{
	ug_ctx c;
	ug_ctx_push_timeout(&c, 2 * UG_MS);
	CHECK_EQ(ug_ctx_cancel(&c, -EIO), 1);
	UG_SHIELD
		CHECK_EQ(ug_sleep(4 * UG_MS), 0);
	CHECK_EQ(ug_ctx_err(&c), -ECANCELED);
	CHECK_EQ(ug_ctx_cause(&c), -EIO);
	ug_ctx_pop(&c);
}

static void end_reaches_inner_scopes_with_its_cause(void)
{
	ug_ctx a, b, c;
	ug_ctx_push(&a);
	ug_ctx_push_timeout(&b, UG_HOUR);
	ug_ctx_push(&c);
	CHECK_EQ(ug_ctx_cancel(&a, -EIO), 1);
	CHECK_EQ(ug_ctx_err(&b), -ECANCELED);
	CHECK_EQ(ug_ctx_err(&c), -ECANCELED);
	CHECK_EQ(ug_ctx_cause(&b), -EIO);
	CHECK_EQ(ug_ctx_cause(&c), -EIO);
	CHECK_EQ(ug_ctx_cancel(&c, -ENOSPC), 0);
	ug_ctx_pop(&c);
	ug_ctx_pop(&b);
	ug_ctx_pop(&a);
}

static void inner_end_keeps_its_own_cause(void)
{
	ug_ctx outer, inner;
	ug_ctx_push(&outer);
	ug_ctx_push(&inner);
	CHECK_EQ(ug_ctx_cancel(&inner, -EIO), 1);
	CHECK_EQ(ug_ctx_cancel(&outer, -ENOSPC), 1);
	CHECK_EQ(ug_ctx_cause(&inner), -EIO);
	CHECK_EQ(ug_ctx_cause(&outer), -ENOSPC);
	ug_ctx_pop(&inner);
	ug_ctx_pop(&outer);
}

static void scope_opened_in_an_ended_one_has_ended(void)
{
	ug_ctx outer, inner;
	ug_ctx_push(&outer);
	CHECK_EQ(ug_ctx_cancel(&outer, -EIO), 1);
	ug_ctx_push_timeout(&inner, UG_HOUR);
	CHECK_EQ(ug_ctx_err(&inner), -ECANCELED);
	CHECK_EQ(ug_ctx_cause(&inner), -EIO);
	CHECK_EQ(ug_sleep(UG_HOUR), -ECANCELED);
	ug_ctx_pop(&inner);
	ug_ctx_pop(&outer);
}

static int sleep_in_scopes(int depth)
{
	int e = 0;
	if (depth == 0)
		return ug_sleep(UG_HOUR);
	UG_WITH_TIMEOUT(UG_HOUR + depth)
		e = sleep_in_scopes(depth - 1);
	return e;
}

static void end_reaches_a_hundred_scopes_down(void)
{
	UG_WITH_TIMEOUT(2 * UG_MS)
		CHECK_EQ(sleep_in_scopes(100), -ETIMEDOUT);
}

struct waiting {
	struct actor actor;
	ug_ctx *_Atomic scope;
	int result, cause;
};

static int wait_in_scope(void *p)
{
	struct waiting *w = p;
	ug_ctx c;
	ug_ctx_push(&c);
	atomic_store(&w->scope, &c);
	w->result = ug_sleep(UG_HOUR);
	w->cause = ug_ctx_cause(NULL);
	ug_ctx_pop(&c);
	return 0;
}

static void cancel_from_another_actor(void)
{
	for (int i = 0; i < 20; i++) {
		struct waiting w = {.result = 0};
		start(&w.actor, wait_in_scope, &w);
		UNTIL(atomic_load(&w.scope) != NULL);
		if (i % 2)
			settle();
		CHECK_EQ(ug_ctx_cancel(atomic_load(&w.scope), -EIO), 1);
		join(&w.actor);
		CHECK_EQ(w.result, -ECANCELED);
		CHECK_EQ(w.cause, -EIO);
	}
}

struct race {
	ug_ctx *scope;
	int cause;
};

static int cancel_it(void *p)
{
	struct race *r = p;
	return ug_ctx_cancel(r->scope, r->cause);
}

static void one_of_many_cancels_wins(void)
{
	for (int round = 0; round < 20; round++) {
		ug_ctx c;
		struct race r[4];
		struct actor a[4];
		int won = -1, wins = 0;
		ug_ctx_push(&c);
		for (int i = 0; i < 4; i++) {
			r[i] = (struct race){&c, -100 - i};
			start(&a[i], cancel_it, &r[i]);
		}
		for (int i = 0; i < 4; i++)
			if (join(&a[i]) == 1) {
				wins++;
				won = i;
			}
		CHECK_EQ(wins, 1);
		CHECK_EQ(ug_ctx_cause(&c), -100 - won);
		ug_ctx_pop(&c);
	}
}

/* Values --------------------------------------------------------------------------------------------------------- */

static const int key_a, key_b;

static void values_are_found_outwards(void)
{
	int one, two, three;
	ug_ctx a, b, inner;
	ug_ctx_push_value(&a, &key_a, &one);
	ug_ctx_push_value(&b, &key_b, &two);
	CHECK(ug_ctx_value(NULL, &key_a) == &one);
	CHECK(ug_ctx_value(NULL, &key_b) == &two);
	CHECK(ug_ctx_value(&a, &key_b) == NULL);
	ug_ctx_push_value(&inner, &key_a, &three);
	CHECK(ug_ctx_value(NULL, &key_a) == &three);
	CHECK(ug_ctx_value(&b, &key_a) == &one);
	ug_ctx_pop(&inner);
	CHECK(ug_ctx_value(NULL, &key_a) == &one);
	ug_ctx_pop(&b);
	CHECK(ug_ctx_value(NULL, &key_b) == NULL);
	ug_ctx_pop(&a);
	CHECK(ug_ctx_value(NULL, &key_a) == NULL);
}

static void values_pass_through_every_kind_of_scope(void)
{
	int v;
	ug_ctx a;
	ug_ctx_push_value(&a, &key_a, &v);
	ug_ctx plain, timed, shield;
	ug_ctx_push(&plain);
	ug_ctx_push_timeout(&timed, UG_HOUR);
	ug_ctx_push_shield(&shield);
	CHECK(ug_ctx_value(NULL, &key_a) == &v);
	ug_ctx_pop(&shield);
	ug_ctx_pop(&timed);
	ug_ctx_pop(&plain);
	ug_ctx_pop(&a);
}

static void value_scopes_end_with_the_outer_one(void)
{
	int v;
	ug_ctx c, value;
	ug_ctx_push(&c);
	ug_ctx_push_value(&value, &key_a, &v);
	CHECK_EQ(ug_ctx_cancel(&c, -EIO), 1);
	CHECK_EQ(ug_ctx_err(&value), -ECANCELED);
	CHECK_EQ(ug_sleep(UG_HOUR), -ECANCELED);
	CHECK(ug_ctx_value(NULL, &key_a) == &v);
	ug_ctx_pop(&value);
	ug_ctx_pop(&c);
}

/* Shields -------------------------------------------------------------------------------------------------------- */

static void shield_lets_a_cleanup_finish(void)
{
	CHAN ch = chan_of(1);
	UG_WITH_TIMEOUT(0) {
		CHECK_EQ(put(ch, 1), -ETIMEDOUT);
		ug_ctx shield;
		ug_ctx_push_shield(&shield);
		CHECK_EQ(ug_ctx_err(NULL), 0);
		CHECK_EQ(ug_ctx_cause(NULL), 0);
		CHECK_EQ(ug_ctx_deadline(NULL), UG_FOREVER);
		CHECK_EQ(put(ch, 2), 0);
		CHECK_EQ(ug_sleep(UG_MS), 0);
		ug_ctx_pop(&shield);
		CHECK_EQ(ug_sleep(UG_MS), -ETIMEDOUT);
	}
	CHECK_EQ(next(ch), 2);
}

static void outer_end_does_not_reach_a_shielded_wait(void)
{
	UG_WITH_TIMEOUT(UG_MS) {
		ug_ctx shield;
		ug_ctx_push_shield(&shield);
		CHECK_EQ(ug_sleep(4 * UG_MS), 0);
		ug_ctx_pop(&shield);
		CHECK_EQ(ug_ctx_err(NULL), -ETIMEDOUT);
	}
}

static void deadlines_inside_a_shield_hold(void)
{
	UG_WITH_TIMEOUT(0) {
		ug_ctx shield, timed;
		ug_ctx_push_shield(&shield);
		int64_t begin = ug_now();
		ug_ctx_push_timeout(&timed, 2 * UG_MS);
		CHECK_EQ(ug_sleep(UG_HOUR), -ETIMEDOUT);
		CHECK(ug_now() - begin >= 2 * UG_MS);
		ug_ctx_pop(&timed);
		CHECK_EQ(ug_ctx_err(NULL), 0);
		ug_ctx_pop(&shield);
	}
}

static void shield_itself_can_be_cancelled(void)
{
	ug_ctx outer, shield;
	ug_ctx_push(&outer);
	ug_ctx_push_shield(&shield);
	CHECK_EQ(ug_ctx_cancel(&outer, 0), 1);
	CHECK_EQ(ug_ctx_err(&shield), 0);
	CHECK_EQ(ug_ctx_cancel(&shield, -EIO), 1);
	CHECK_EQ(ug_sleep(UG_HOUR), -ECANCELED);
	ug_ctx_pop(&shield);
	ug_ctx_pop(&outer);
}

static const struct CMUnitTest tests[] = {
	ALL(root_goes_on_for_ever),
	ALL(scope_is_current_until_popped),
	ALL(blocks_close_however_they_are_left),
	ALL(timeout_ends_a_wait_not_before_its_time),
	ALL(deadline_ends_a_wait_not_before_its_time),
	ALL(earlier_inner_deadline_wins),
	ALL(later_inner_deadline_changes_nothing),
	ALL(deadlines_in_the_past_end_at_once),
	ALL(for_ever_is_no_deadline),
	ALL(popped_deadlines_stay_silent),
	ALL(deadline_is_seen_without_a_wait),
	ALL(cancel_ends_the_scope_and_no_more),
	ALL(cancel_gives_a_cause),
	ALL(first_cancel_wins),
	ALL(cancel_after_the_deadline_changes_nothing),
	ALL(deadline_after_a_cancel_changes_nothing),
	ALL(end_reaches_inner_scopes_with_its_cause),
	ALL(inner_end_keeps_its_own_cause),
	ALL(scope_opened_in_an_ended_one_has_ended),
	ALL(end_reaches_a_hundred_scopes_down),
	ALL(cancel_from_another_actor),
	ALL(one_of_many_cancels_wins),
	ALL(values_are_found_outwards),
	ALL(values_pass_through_every_kind_of_scope),
	ALL(value_scopes_end_with_the_outer_one),
	ALL(shield_lets_a_cleanup_finish),
	ALL(outer_end_does_not_reach_a_shielded_wait),
	ALL(deadlines_inside_a_shield_hold),
	ALL(shield_itself_can_be_cancelled),
	BARE(root_goes_on_for_ever),
	BARE(cancel_from_another_actor),
	BARE(values_are_found_outwards),
	BARE(timeout_ends_a_wait_not_before_its_time),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
