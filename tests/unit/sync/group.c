/* SPDX-License-Identifier: MIT */
/* Group: results, cancellation both ways, early leave, limits, tasks that start tasks, storage that dies with the
 * scope. */
#include "sync_test.h"

static int answer(void *p)
{
	return *(int *)p;
}

static int wait_for_ever(void *p)
{
	add_relaxed((uint32_t *)p, 1u);
	return ug_select(NULL, 0);
}

TEST(results)
{
	int zero = 0, nine = 9, bad = -71;
	ug_group g;
	ug_group_open(&g, NULL);
	CHECK(ug_ctx_current() == &g.ctx_);
	CHECK_IS(ug_group_go(&g, answer, &zero), 0);
	CHECK_IS(ug_group_go(&g, answer, &nine), 0);
	CHECK_IS(ug_group_close(&g), 0);
	CHECK(ug_ctx_current() != &g.ctx_);
	CHECK_IS(ug_group_go(&g, answer, &zero), -ECANCELED);
	UG_GROUP(&g)
		CHECK_IS(ug_group_go(&g, answer, &bad), 0);
	CHECK_IS(ug_group_result(&g), -71);
	CHECK_IS(ug_group_close(&g), -71);
	ug_group never = UG_ZERO;
	CHECK_IS(ug_group_close(&never), 0);
	CHECK_IS(ug_group_close(NULL), 0);
	ug_group_open(&g, NULL);
	CHECK_IS(ug_group_go(&g, NULL, NULL), -EINVAL);
	CHECK_IS(ug_group_go_copy(&g, answer, &bad, UG_COPY_MAX + 1), -EINVAL);
	CHECK_IS(ug_group_close(&g), 0);
	return 0;
}

/* The first error cancels the others and what the owner waits for inside the block, and no more than that. */
TEST(first_error)
{
	uint32_t begun = 0;
	int bad = -71, later = -72;
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < 3; i++)
			CHECK_IS(ug_group_go(&g, wait_for_ever, &begun), 0);
		UNTIL(load_relaxed(&begun) == 3);
		CHECK_IS(ug_ctx_err(NULL), 0);
		CHECK_IS(ug_group_go_copy(&g, answer, &bad, sizeof bad), 0);
		CHECK_IS(ug_select(NULL, 0), -ECANCELED);
		CHECK_IS(ug_ctx_cause(NULL), -71);
		CHECK_IS(ug_group_go(&g, answer, &later), -ECANCELED);
	}
	CHECK_IS(ug_group_result(&g), -71);
	CHECK_IS(ug_ctx_err(NULL), 0);
	CHECK_IS(ug_sleep(0), 0);
	return 0;
}

TEST(leaving_early)
{
	uint32_t begun = 0;
	ug_group g;
	UG_GROUP(&g) {
		CHECK_IS(ug_group_go(&g, wait_for_ever, &begun), 0);
		CHECK_IS(ug_group_go(&g, wait_for_ever, &begun), 0);
		break;
	}
	CHECK_IS(ug_group_result(&g), -ECANCELED);
	CHECK_IS(load_relaxed(&begun), 2);
	UG_GROUP(&g)
		CHECK_IS(ug_group_close(&g), 0);
	CHECK_IS(ug_group_result(&g), 0);
	UG_GROUP(&g) {
		CHECK_IS(ug_group_go(&g, wait_for_ever, &begun), 0);
		ug_group_cancel(&g, -5);
		CHECK_IS(ug_ctx_cause(NULL), -5);
	}
	CHECK_IS(ug_group_result(&g), -ECANCELED);
	return 0;
}

static int deaf(void *p)
{
	int e = 0;
	UG_SHIELD {
		UNTIL(ug_ctx_err(p));
		e = ug_sleep(2 * UG_MS);
	}
	return e;
}

/* The context around the group ends: its tasks see it, and the end of the group waits for the one that does not
 * listen. */
TEST(outer_context)
{
	uint32_t begun = 0;
	ug_group g;
	ug_ctx outer;
	ug_ctx_push(&outer);
	ug_group_open(&g, NULL);
	CHECK_IS(ug_group_go(&g, wait_for_ever, &begun), 0);
	CHECK_IS(ug_group_go(&g, deaf, &g.ctx_), 0);
	UG_WITH_TIMEOUT(UG_HOUR) {
		/* Not an inner scope of the spawner: this one ends and the task goes on. */
		CHECK_IS(ug_group_go(&g, wait_for_ever, &begun), 0);
	}
	UNTIL(load_relaxed(&begun) == 2);
	CHECK_IS(ug_ctx_cancel(&outer, -9), 1);
	CHECK_IS(ug_group_close(&g), -ECANCELED);
	CHECK_IS(ug_ctx_cause(NULL), -9);
	ug_ctx_pop(&outer);
	return 0;
}

/* Limit ----------------------------------------------------------------------------------------------------------- */

struct limited {
	ug_group g;
	uint32_t now, most, runs, depth;
};

static int counted(void *p)
{
	struct limited *l = p;
	uint32_t now = add_acq_rel(&l->now, 1u) + 1, most = load_relaxed(&l->most);
	while (now > most && !cas_acq_rel(&l->most, &most, now))
		;
	for (int i = 0; i < 3; i++)
		ug_yield();
	add_relaxed(&l->runs, 1u);
	add_acq_rel(&l->now, -1u);
	return 0;
}

TEST(limit)
{
	for (size_t limit = 1; limit < 6; limit += 2) {
		struct limited l = {.now = 0};
		struct ug_group_opts opts = {.limit = limit};
		UG_GROUP_WITH(&l.g, &opts)
			for (int i = 0; i < 200; i++)
				CHECK_IS(ug_group_go(&l.g, counted, &l), 0);
		CHECK_IS(ug_group_result(&l.g), 0);
		CHECK_IS(l.runs, 200);
		CHECK(l.most >= 1 && l.most <= limit);
		/* One that fails to start gives its room back. */
		UG_GROUP_WITH(&l.g, &opts) {
			for (int i = 0; i < 10; i++)
				CHECK_IS(ug_group_go(&l.g, NULL, NULL), -EINVAL);
			CHECK_IS(ug_group_go(&l.g, counted, &l), 0);
		}
	}
	return 0;
}

TEST(waiting_for_room)
{
	uint32_t begun = 0;
	struct ug_group_opts opts = {.limit = 1};
	ug_group g;
	UG_GROUP_WITH(&g, &opts) {
		CHECK_IS(ug_group_go(&g, wait_for_ever, &begun), 0);
		UG_WITH_TIMEOUT(UG_MS)
			CHECK_IS(ug_group_go(&g, wait_for_ever, &begun), -ETIMEDOUT);
		CHECK(!waiting(&g.waiters_));
		UG_SHIELD {
			ug_group_cancel(&g, 0);
			CHECK_IS(ug_group_go(&g, wait_for_ever, &begun), -ECANCELED);
		}
	}
	CHECK_IS(load_relaxed(&begun), 1);
	return 0;
}

/* One shielded from the group waits for room, and gets it only because the group is over: it must not start another. */
static int wait_for_room(void *p)
{
	struct limited *l = p;
	int e = 0;
	UG_SHIELD
		e = ug_group_go(&l->g, counted, l);
	return e;
}

static int until_cancelled(void *p)
{
	struct limited *l = p;
	UNTIL(waiting(&l->g.waiters_));
	store_release(&l->depth, 1u);
	return ug_select(NULL, 0);
}

TEST(room_after_the_end)
{
	struct limited l = {.now = 0};
	struct ug_group_opts opts = {.limit = 2};
	UG_GROUP_WITH(&l.g, &opts) {
		CHECK_IS(ug_group_go(&l.g, until_cancelled, &l), 0);
		CHECK_IS(ug_group_go(&l.g, wait_for_room, &l), 0);
		UG_SHIELD
			UNTIL(load_acquire(&l.depth));
		ug_group_cancel(&l.g, 0);
	}
	CHECK_IS(ug_group_result(&l.g), -ECANCELED);
	CHECK_IS(l.runs, 0);
	CHECK_IS(l.g.room_, 2);
	return 0;
}

/* Trees ----------------------------------------------------------------------------------------------------------- */

struct node {
	struct limited *l;
	int depth;
};

static int grow(void *p)
{
	struct node *n = p, child = {n->l, n->depth - 1};
	add_relaxed(&n->l->runs, 1u);
	for (int i = 0; n->depth && i < 4; i++)
		CHECK_IS(ug_group_go_copy(&n->l->g, grow, &child, sizeof child), 0);
	return 0;
}

TEST(tasks_start_tasks)
{
	for (int round = 0; round < 10; round++) {
		struct limited l = {.now = 0};
		struct node root = {&l, 5};
		UG_GROUP(&l.g)
			CHECK_IS(ug_group_go(&l.g, grow, &root), 0);
		CHECK_IS(ug_group_result(&l.g), 0);
		CHECK_IS(l.runs, 1 + 4 + 16 + 64 + 256 + 1024);
	}
	return 0;
}

/* Tasks of two groups in turns, some of which yield: what ends on one stack after the other is counted for each. */
static int note_run(void *p)
{
	if (add_relaxed((uint32_t *)p, 1u) % 5 == 0)
		ug_yield();
	return 0;
}

TEST(two_groups_at_a_time)
{
	uint32_t runs[2] = {0, 0};
	for (uint32_t round = 1; round <= 10; round++) {
		ug_group g[2];
		ug_group_open(&g[0], NULL);
		ug_group_open(&g[1], NULL);
		for (int i = 0; i < 600; i++) {
			int which = i % 7 < 4;
			CHECK_IS(ug_group_go(&g[which], note_run, &runs[which]), 0);
		}
		CHECK_IS(ug_group_close(&g[1]), 0);
		CHECK_IS(load_relaxed(&runs[1]), 344 * round);
		CHECK_IS(ug_group_close(&g[0]), 0);
		CHECK_IS(load_relaxed(&runs[0]), 256 * round);
	}
	return 0;
}

static int nested(void *p)
{
	int depth = *(int *)p - 1, sum = 0;
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; depth && i < 3; i++)
			CHECK_IS(ug_group_go(&g, nested, &depth), 0);
		sum = depth;
	}
	return sum < 0 ? sum : ug_group_result(&g);
}

TEST(groups_in_groups)
{
	int depth = 6;
	for (int i = 0; i < 3; i++)
		CHECK_IS(nested(&depth), 0);
	return 0;
}

/* The group's storage is gone right after the close; the last task must not touch it any more. */
static int nothing(void *p)
{
	(void)p;
	return 0;
}

TEST(storage_dies_with_the_scope)
{
	for (int i = 0; i < 3000; i++) {
		struct ug_group_opts opts = {.limit = (size_t)(i % 3)};
		ug_group *g = malloc(sizeof *g);
		CHECK(g);
		ug_group_open(g, &opts);
		for (int k = 0; k < 1 + i % 4; k++)
			CHECK_IS(ug_group_go(g, nothing, NULL), 0);
		CHECK_IS(ug_group_close(g), 0);
		free(g);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_first_error),
		cmocka_unit_test(test_leaving_early),
		cmocka_unit_test(test_outer_context),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_waiting_for_room),
		cmocka_unit_test(test_room_after_the_end),
		cmocka_unit_test(test_tasks_start_tasks),
		cmocka_unit_test(test_two_groups_at_a_time),
		cmocka_unit_test(test_groups_in_groups),
		cmocka_unit_test(test_storage_dies_with_the_scope),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
