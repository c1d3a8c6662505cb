/* SPDX-License-Identifier: MIT */
/*
 * Groups: scopes of tasks. Written from x/sync/errgroup's tests and from what structured concurrency adds: nothing
 * outlives its block, and the first error ends the rest, the owner's own waits in the block included.
 *
 * The tasks of a group are tasks always; what differs between the kinds of actors is the owner.
 */
#include "group.h"

static int sleep_until_cancelled(void *p)
{
	struct shared *s = p;
	atomic_fetch_add(&s->started, 1);
	int e = ug_sleep(UG_HOUR);
	if (e == -ECANCELED)
		atomic_fetch_add(&s->cancelled, 1);
	atomic_fetch_add(&s->ended, 1);
	return e;
}

static int sleep_then_forgive(void *p)
{
	(void)sleep_until_cancelled(p);
	return 0;
}

static int fail_at_once(void *p)
{
	struct shared *s = p;
	return s->error;
}

/* Waiting for all ------------------------------------------------------------------------------------------------ */

static void empty_group_ends_at_once(void)
{
	ug_group g;
	int rounds = 0;
	UG_GROUP(&g)
		rounds++;
	CHECK_EQ(rounds, 1);
	CHECK_EQ(ug_group_result(&g), 0);
}

static void block_waits_for_all_its_tasks(void)
{
	struct shared s = {.error = 0};
	ug_group g;
	UG_GROUP(&g)
		for (int i = 0; i < 20; i++)
			CHECK_EQ(ug_group_go(&g, note, &s), 0);
	CHECK_EQ(atomic_load(&s.ended), 20);
	CHECK_EQ(ug_group_result(&g), 0);
}

static void open_and_close_without_a_block(void)
{
	struct shared s = {.error = 0};
	ug_group g;
	ug_ctx *before = ug_ctx_current();
	ug_group_open(&g, NULL);
	CHECK(ug_ctx_current() != before);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(ug_group_go(&g, note, &s), 0);
	CHECK_EQ(ug_group_close(&g), 0);
	CHECK_EQ(atomic_load(&s.ended), 5);
	CHECK(ug_ctx_current() == before);
	CHECK_EQ(ug_group_close(&g), 0);
	CHECK_EQ(ug_group_result(&g), 0);
}

static void group_of_ten_thousand(void)
{
	static struct shared s;
	memset(&s, 0, sizeof s);
	ug_group g;
	UG_GROUP(&g)
		for (int i = 0; i < 10000 / CONF_SLOW; i++)
			if (!CHECK_EQ(ug_group_go(&g, note, &s), 0))
				break;
	CHECK_EQ(ug_group_result(&g), 0);
	CHECK_EQ(atomic_load(&s.ended), 10000 / CONF_SLOW);
}

static int positive(void *p)
{
	(void)p;
	return 17;
}

static void positive_results_are_no_errors(void)
{
	ug_group g;
	UG_GROUP(&g)
		for (int i = 0; i < 3; i++)
			CHECK_EQ(ug_group_go(&g, positive, NULL), 0);
	CHECK_EQ(ug_group_result(&g), 0);
}

static int spawn_more(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 3; i++)
		UG_TRY(ug_group_go(s->group, note, s));
	return 0;
}

static void tasks_of_a_group_may_add_to_it(void)
{
	struct shared s = {.error = 0};
	ug_group g;
	s.group = &g;
	UG_GROUP(&g)
		for (int i = 0; i < 4; i++)
			CHECK_EQ(ug_group_go(&g, spawn_more, &s), 0);
	CHECK_EQ(ug_group_result(&g), 0);
	CHECK_EQ(atomic_load(&s.ended), 12);
}

struct square {
	int_chan out;
	int value;
};

static int send_square(void *p)
{
	struct square *s = p;
	return put(s->out, s->value * s->value);
}

static void arguments_are_copied(void)
{
	CHAN ch = chan_of(10);
	struct square args = {.out = ch};
	static const char large[UG_COPY_MAX + 1];
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < 10; i++) {
			args.value = i;
			CHECK_EQ(ug_group_go_copy(&g, send_square, &args, sizeof args), 0);
		}
		CHECK_EQ(ug_group_go_copy(&g, send_square, large, sizeof large), -EINVAL);
	}
	int sum = 0;
	for (int i = 0; i < 10; i++)
		sum += next(ch);
	CHECK_EQ(sum, 285);
}

/* Errors --------------------------------------------------------------------------------------------------------- */

static void first_error_is_the_result(void)
{
	struct shared a = {.error = -ENOSPC}, rest = {.error = 0};
	ug_group g;
	UG_GROUP(&g) {
		CHECK_EQ(ug_group_go(&g, sleep_until_cancelled, &rest), 0); /* its -ECANCELED comes second */
		CHECK_EQ(ug_group_go(&g, fail_at_once, &a), 0);
		CHECK_EQ(ug_sleep(UG_HOUR), -ECANCELED);
		CHECK_EQ(ug_ctx_cause(NULL), -ENOSPC);
	}
	CHECK_EQ(ug_group_result(&g), -ENOSPC);
	CHECK_EQ(atomic_load(&rest.ended), atomic_load(&rest.started));
}

static void error_cancels_siblings(void)
{
	struct shared s = {.error = -EIO};
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < 10; i++)
			CHECK_EQ(ug_group_go(&g, sleep_until_cancelled, &s), 0);
		UNTIL(atomic_load(&s.started) == 10);
		CHECK_EQ(ug_group_go(&g, fail_at_once, &s), 0);
	}
	CHECK_EQ(ug_group_result(&g), -EIO);
	CHECK_EQ(atomic_load(&s.cancelled), 10);
	CHECK_EQ(atomic_load(&s.ended), 10);
}

static void error_reaches_the_owner_in_the_block_only(void)
{
	CHAN ch = chan_of(0);
	struct shared s = {.error = -EIO};
	ug_group g;
	UG_GROUP(&g) {
		CHECK_EQ(ug_group_go(&g, fail_at_once, &s), 0);
		CHECK_EQ(next(ch), -ECANCELED); /* no hang here */
		CHECK_EQ(ug_ctx_err(NULL), -ECANCELED);
	}
	CHECK_EQ(ug_ctx_err(NULL), 0);
	CHECK_EQ(ug_sleep(1), 0);
	CHECK_EQ(ug_group_result(&g), -EIO);
}

static void no_task_starts_after_an_error(void)
{
	struct shared s = {.error = -EIO}, late = {.error = 0};
	ug_group g;
	UG_GROUP(&g) {
		CHECK_EQ(ug_group_go(&g, fail_at_once, &s), 0);
		CHECK_EQ(ug_sleep(UG_HOUR), -ECANCELED);
		CHECK_EQ(ug_group_go(&g, note, &late), -ECANCELED);
	}
	CHECK_EQ(atomic_load(&late.started), 0);
	CHECK_EQ(ug_group_result(&g), -EIO);
}

struct failing {
	int error;
	atomic_int *turn;
};

static int fail_in_turn(void *p)
{
	struct failing *f = p;
	atomic_fetch_add(f->turn, 1);
	return f->error;
}

static void one_of_many_errors_is_the_result(void)
{
	struct failing f[8];
	atomic_int turn = 0;
	ug_group g;
	UG_GROUP(&g)
		for (int i = 0; i < 8; i++) {
			f[i] = (struct failing){-100 - i, &turn};
			int e = ug_group_go(&g, fail_in_turn, &f[i]);
			CHECK(e == 0 || e == -ECANCELED);
		}
	int r = ug_group_result(&g);
	CHECK(r <= -100 && r > -108);
	CHECK_EQ(ug_group_close(&g), r);
}

/* Cancelling ----------------------------------------------------------------------------------------------------- */

static void cancel_ends_tasks_and_owner_with_a_cause(void)
{
	struct shared s = {.error = 0};
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < 5; i++)
			CHECK_EQ(ug_group_go(&g, sleep_then_forgive, &s), 0);
		UNTIL(atomic_load(&s.started) == 5);
		ug_group_cancel(&g, -ENOSPC);
		CHECK_EQ(ug_sleep(UG_HOUR), -ECANCELED);
		CHECK_EQ(ug_ctx_cause(NULL), -ENOSPC);
	}
	CHECK_EQ(ug_group_result(&g), 0); /* no task failed */
	CHECK_EQ(atomic_load(&s.cancelled), 5);
}

static void break_cancels_then_waits(void)
{
	struct shared s = {.error = 0};
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < 5; i++)
			CHECK_EQ(ug_group_go(&g, sleep_then_forgive, &s), 0);
		UNTIL(atomic_load(&s.started) == 5);
		break;
	}
	CHECK_EQ(atomic_load(&s.cancelled), 5);
	CHECK_EQ(atomic_load(&s.ended), 5);
	CHECK_EQ(ug_sleep(1), 0);
}

static int leave_by_return(struct shared *s)
{
	ug_group g;
	UG_GROUP(&g) {
		CHECK_EQ(ug_group_go(&g, sleep_then_forgive, s), 0);
		UNTIL(atomic_load(&s->started) == 1);
		return 6;
	}
	return 7;
}

static void return_cancels_then_waits(void)
{
	struct shared s = {.error = 0};
	ug_ctx *before = ug_ctx_current();
	CHECK_EQ(leave_by_return(&s), 6);
	CHECK_EQ(atomic_load(&s.cancelled), 1);
	CHECK_EQ(atomic_load(&s.ended), 1);
	CHECK(ug_ctx_current() == before);
}

static void end_of_the_block_waits_without_cancelling(void)
{
	CHAN ch = chan_of(0);
	struct op r = {.ch = ch};
	struct op s = {.ch = ch, .value = 3};
	ug_group g;
	UG_GROUP(&g) {
		CHECK_EQ(ug_group_go(&g, op_recv, &r), 0);
		CHECK_EQ(ug_group_go(&g, op_send, &s), 0);
	}
	CHECK_EQ(r.result, 0);
	CHECK_EQ(s.result, 0);
	CHECK_EQ(r.value, 3);
}

static void outer_deadline_ends_the_tasks(void)
{
	int spawned = 0;
	/* Where it comes before all have been started: again, with more time. */
	for (int64_t time = 3 * UG_MS; spawned < 4; time *= 2) {
		struct shared s = {.error = 0};
		ug_group g;
		spawned = 0;
		UG_WITH_TIMEOUT(time) {
			UG_GROUP(&g)
				while (spawned < 4 && ug_group_go(&g, sleep_until_cancelled, &s) == 0)
					spawned++;
			CHECK_EQ(ug_ctx_err(NULL), -ETIMEDOUT);
		}
		CHECK_EQ(ug_group_result(&g), spawned ? -ETIMEDOUT : 0);
		CHECK_EQ(atomic_load(&s.ended), atomic_load(&s.started));
	}
}

static int take_its_time(void *p)
{
	struct shared *s = p;
	UG_SHIELD
		CHECK_EQ(ug_sleep(5 * UG_MS), 0);
	atomic_fetch_add(&s->ended, 1);
	return 0;
}

static void end_of_a_group_is_not_cut_short(void)
{
	struct shared s = {.error = 0};
	int spawned = 0;
	UG_WITH_TIMEOUT(UG_MS) {
		ug_group g;
		UG_GROUP(&g)
			spawned += ug_group_go(&g, take_its_time, &s) == 0;
		CHECK_EQ(atomic_load(&s.ended), spawned);
	}
}

/* Nested --------------------------------------------------------------------------------------------------------- */

static void inner_error_stays_inside(void)
{
	struct shared s = {.error = -EIO}, other = {.error = 0};
	ug_group outer, inner;
	ug_group_open(&outer, NULL);
	CHECK_EQ(ug_group_go(&outer, note, &other), 0);
	ug_group_open(&inner, NULL);
	CHECK_EQ(ug_group_go(&inner, fail_at_once, &s), 0);
	CHECK_EQ(ug_group_close(&inner), -EIO);
	CHECK_EQ(ug_sleep(1), 0);
	CHECK_EQ(ug_group_go(&outer, note, &other), 0);
	CHECK_EQ(ug_group_close(&outer), 0);
	CHECK_EQ(atomic_load(&other.ended), 2);
}

static void outer_error_reaches_inner_tasks(void)
{
	struct shared s = {.error = -EIO};
	ug_group outer, inner;
	ug_group_open(&outer, NULL);
	ug_group_open(&inner, NULL);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(ug_group_go(&inner, sleep_until_cancelled, &s), 0);
	UNTIL(atomic_load(&s.started) == 3);
	CHECK_EQ(ug_group_go(&outer, fail_at_once, &s), 0);
	CHECK_EQ(ug_group_close(&inner), -ECANCELED);
	CHECK_EQ(ug_group_close(&outer), -EIO);
	CHECK_EQ(atomic_load(&s.cancelled), 3);
}

static int tree(void *p)
{
	struct shared *s = p;
	int depth = s->error;
	struct shared below = {.error = depth - 1};
	if (depth == 0)
		return 1;
	ug_group g;
	UG_GROUP(&g)
		for (int i = 0; i < 3; i++)
			UG_TRY(ug_group_go(&g, tree, &below));
	UG_TRY(ug_group_result(&g));
	return 1;
}

static void trees_of_groups(void)
{
	struct shared s = {.error = 5};
	ug_group g;
	UG_GROUP(&g)
		CHECK_EQ(ug_group_go(&g, tree, &s), 0);
	CHECK_EQ(ug_group_result(&g), 0);
}

static int nested_wait(void *p)
{
	struct shared *s = p;
	ug_group g;
	UG_GROUP(&g)
		UG_TRY(ug_group_go(&g, sleep_until_cancelled, s));
	return ug_group_result(&g);
}

static void cancel_reaches_groups_of_tasks(void)
{
	struct shared s = {.error = 0};
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < 4; i++)
			CHECK_EQ(ug_group_go(&g, nested_wait, &s), 0);
		UNTIL(atomic_load(&s.started) == 4);
		ug_group_cancel(&g, 0);
	}
	CHECK_EQ(ug_group_result(&g), -ECANCELED);
	CHECK_EQ(atomic_load(&s.cancelled), 4);
}

static const struct CMUnitTest tests[] = {
	ALL(empty_group_ends_at_once),
	ALL(block_waits_for_all_its_tasks),
	ALL(open_and_close_without_a_block),
	ALL(group_of_ten_thousand),
	ALL(positive_results_are_no_errors),
	ALL(tasks_of_a_group_may_add_to_it),
	ALL(arguments_are_copied),
	ALL(first_error_is_the_result),
	ALL(error_cancels_siblings),
	ALL(error_reaches_the_owner_in_the_block_only),
	ALL(no_task_starts_after_an_error),
	ALL(one_of_many_errors_is_the_result),
	ALL(cancel_ends_tasks_and_owner_with_a_cause),
	ALL(break_cancels_then_waits),
	ALL(return_cancels_then_waits),
	ALL(end_of_the_block_waits_without_cancelling),
	ALL(outer_deadline_ends_the_tasks),
	ALL(end_of_a_group_is_not_cut_short),
	ALL(inner_error_stays_inside),
	ALL(outer_error_reaches_inner_tasks),
	ALL(trees_of_groups),
	ALL(cancel_reaches_groups_of_tasks),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
