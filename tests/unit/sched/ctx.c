/* SPDX-License-Identifier: MIT */
/* Contexts: trees of scopes, and ends that race with waits. What a user is promised of them is in tests/conformance. */
#include "sched_test.h"

#include "sched/sched_priv.h"
#include <pthread.h>
#include <string.h>

static struct worker_of_one {
	ug_ctx *c;
	uint32_t entered, ended;
	int result;
} one;

static int wait_in_a_scope(void *arg)
{
	struct worker_of_one *o = arg;
	ug_ctx c;
	ug_ctx_push(&c);
	o->c = &c;
	set(&o->entered);
	o->result = ug_sleep(UG_FOREVER);
	ug_ctx_pop(&c);
	set(&o->ended);
	return 0;
}

static void *cancel_on_thread(void *arg)
{
	ug_ctx_cancel(arg, -EXDEV);
	return NULL;
}

IN_TASK(a_cancellation_is_never_missed)
{
	for (int i = 0; i < 3000; i++) {
		one = (struct worker_of_one){.entered = 0};
		CHECK_IS(ug_go(wait_in_a_scope, &one), 0);
		UNTIL(is_set(&one.entered)); /* it may be anywhere on its way into the wait */
		if (i % 50 == 0) {
			pthread_t t;
			CHECK_IS(pthread_create(&t, NULL, cancel_on_thread, one.c), 0);
			CHECK_IS(pthread_join(t, NULL), 0);
		} else {
			CHECK_IS(ug_ctx_cancel(one.c, -EXDEV), 1);
		}
		UNTIL(is_set(&one.ended));
		CHECK_IS(one.result, -ECANCELED);
	}
	return 0;
}

IN_TASK(a_deadline_is_never_missed)
{
	for (int i = 0; i < 500; i++) {
		int64_t deadline = ug_now() + (i % 10) * 5 * UG_US;
		UG_WITH_DEADLINE(deadline) {
			CHECK_IS(ug_sleep(UG_FOREVER), -ETIMEDOUT);
			CHECK(ug_now() >= deadline);
			CHECK_IS(ug_ctx_err(NULL), -ETIMEDOUT);
			CHECK_IS(ug_ctx_cause(NULL), -ETIMEDOUT);
			CHECK_IS(ug_ctx_deadline(NULL), deadline);
		}
	}
	UG_WITH_DEADLINE(0)
		CHECK_IS(ug_sleep(1), -ETIMEDOUT);
	UG_WITH_DEADLINE(-5)
		CHECK_IS(ug_sleep(1), -ETIMEDOUT);
	UG_WITH_TIMEOUT(UG_FOREVER)
		CHECK_IS(ug_ctx_deadline(NULL), UG_FOREVER);
	UG_WITH_TIMEOUT(-1)
		CHECK_IS(ug_sleep(1), -ETIMEDOUT);
	return 0;
}

IN_TASK(the_first_end_wins)
{
	ug_ctx a, b;
	ug_ctx_push(&a);
	ug_ctx_push_timeout(&b, UG_HOUR);
	CHECK_IS(ug_ctx_cancel(&b, 0), 1);
	CHECK_IS(ug_ctx_cancel(&b, -EXDEV), 0);
	CHECK_IS(ug_ctx_cause(&b), -ECANCELED);
	CHECK_IS(ug_ctx_err(&a), 0);
	CHECK_IS(ug_ctx_cancel(&a, -EXDEV), 1);
	CHECK_IS(ug_ctx_cause(&b), -ECANCELED);
	CHECK_IS(ug_ctx_cause(&a), -EXDEV);
	ug_ctx_pop(&b);
	ug_ctx_pop(&a);
	CHECK_IS(ug_ctx_err(NULL), 0);
	CHECK_IS(ug_ctx_cancel(ug_ctx_current(), 0), 0); /* the root does not end */
	CHECK_IS(ug_sleep(1), 0);
	return 0;
}

IN_TASK(an_end_reaches_scopes_that_open_later_and_no_shield)
{
	ug_ctx a, b, c, d;
	ug_ctx_push(&a);
	ug_ctx_push(&b);
	CHECK_IS(ug_sleep(1), 0); /* b is on a's list now */
	ug_ctx_cancel(&a, -EXDEV);
	CHECK_IS(ug_ctx_err(&b), -ECANCELED);
	ug_ctx_push(&c);
	CHECK_IS(ug_sleep(1), -ECANCELED);
	CHECK_IS(ug_ctx_cause(NULL), -EXDEV);
	ug_ctx_push_shield(&d);
	CHECK_IS(ug_ctx_err(NULL), 0);
	CHECK_IS(ug_sleep(1), 0);
	CHECK_IS(ug_ctx_cancel(&d, 0), 1);
	CHECK_IS(ug_sleep(1), -ECANCELED);
	ug_ctx_pop(&d);
	ug_ctx_pop(&c);
	ug_ctx_pop(&b);
	ug_ctx_pop(&a);
	CHECK_IS(ug_sleep(1), 0);
	return 0;
}

#define DEEP 100000

/* Deep: waits at the bottom, at both ends, or at none, before the top is ended; on a stack of 64 KiB a recursion would
 * show. */
static int deep_chain(void *arg)
{
	int waits = *(int *)arg;
	ug_ctx *c = calloc(DEEP, sizeof *c);
	int64_t from = ug_now();
	for (int i = 0; i < DEEP; i++) {
		if (i % 3 == 2)
			ug_ctx_push_value(&c[i], &c[i], &c[i]);
		else if (i % 3 == 1)
			ug_ctx_push_deadline(&c[i], from + UG_HOUR + i);
		else
			ug_ctx_push(&c[i]);
		if (waits == 2 && i % 1000 == 0)
			CHECK_IS(ug_sleep(1), 0);
	}
	if (waits)
		CHECK_IS(ug_sleep(1), 0);
	CHECK_IS(ug_ctx_err(NULL), 0);
	CHECK(ug_ctx_value(NULL, &c[2]) == &c[2]);
	CHECK_IS(ug_ctx_deadline(NULL), from + UG_HOUR + 1);
	CHECK_IS(ug_ctx_cancel(&c[1], -EXDEV), 1);
	CHECK_IS(ug_ctx_err(&c[0]), 0);
	CHECK_IS(ug_ctx_err(NULL), -ECANCELED);
	CHECK_IS(ug_sleep(1), -ECANCELED);
	CHECK_IS(ug_ctx_cause(NULL), -EXDEV);
	for (int i = DEEP - 1; i >= 0; i--)
		ug_ctx_pop(&c[i]);
	CHECK_IS(ug_sleep(1), 0);
	free(c);
	return 0;
}

IN_TASK(a_hundred_thousand_nested_scopes_end_at_once)
{
	struct ug_go_opts small = {.stack_size = 64 << 10};
	for (int waits = 0; waits < 3; waits++) {
		ug_task *t;
		CHECK_IS(ug_go_task(deep_chain, &waits, &small, &t), 0);
		CHECK_IS(ug_task_wait(t, NULL), 0);
		ug_task_unref(t);
	}
	return 0;
}

/* A random tree of scopes over many tasks; ends fall on any of its nodes while others push, wait and pop. */
#define TASKS 40
#define LEVELS 4

static struct node {
	uint32_t lock, open;
	ug_ctx *c;
} nodes[TASKS][LEVELS];
static uint32_t running, rounds_over;

static uint32_t shut_by(struct node *n)
{
	ug__lock(&n->lock);
	uint32_t did = n->open && ug_ctx_cancel(n->c, -EXDEV);
	ug__unlock(&n->lock);
	return did;
}

static void scope(struct node *n, int level)
{
	ug_ctx c;
	int outer_err = ug_ctx_err(NULL);
	switch (ug__random() % 3) {
	case 0:
		ug_ctx_push(&c);
		break;
	case 1:
		ug_ctx_push_timeout(&c, ug__random() % 100 * UG_US);
		break;
	default:
		ug_ctx_push_shield(&c);
		CHECK_IS(ug_ctx_err(NULL), 0);
		outer_err = 0;
	}
	ug__lock(&n->lock);
	n->c = &c;
	n->open = 1;
	ug__unlock(&n->lock);
	for (int i = ug__random() % 3; i >= 0; i--) {
		int e = ug_sleep(ug__random() % 4 ? 0 : ug__random() % 50 * UG_US);
		CHECK(e == 0 || e == -ECANCELED || e == -ETIMEDOUT);
		CHECK(!outer_err || e);
		CHECK(!e || ug_ctx_err(NULL));
		if (level + 1 < LEVELS)
			scope(n + 1, level + 1);
	}
	ug__lock(&n->lock);
	n->open = 0;
	ug__unlock(&n->lock);
	ug_ctx_pop(&c);
}

static int grow_and_wither(void *arg)
{
	for (int i = 0; i < 30; i++)
		scope(arg, 0);
	add_seq(&running, -1u);
	return 0;
}

static void *end_some(void *unused)
{
	(void)unused;
	uint32_t x = 1;
	while (!is_set(&rounds_over)) {
		x = x * 1664525 + 1013904223;
		shut_by(&nodes[(x >> 8) % TASKS][(x >> 20) % LEVELS]);
	}
	return NULL;
}

IN_TASK(ends_fall_anywhere_in_trees_that_come_and_go)
{
	pthread_t t;
	memset(nodes, 0, sizeof nodes);
	running = TASKS;
	rounds_over = 0;
	CHECK_IS(pthread_create(&t, NULL, end_some, NULL), 0);
	for (int i = 0; i < TASKS; i++)
		CHECK_IS(ug_go(grow_and_wither, nodes[i]), 0);
	UNTIL(load_seq(&running) == 0);
	set(&rounds_over);
	CHECK_IS(pthread_join(t, NULL), 0);
	return 0;
}

static uint32_t afters;

static int count_after(void *arg)
{
	(void)arg;
	add_seq(&afters, 1u);
	return 0;
}

IN_TASK(functions_after_an_end_run_once_or_not_at_all)
{
	uint32_t expected = 0;
	afters = 0;
	for (int i = 0; i < 500; i++) {
		struct ug_after a[3];
		ug_ctx c;
		ug_ctx_push_timeout(&c, i % 5 * 10 * UG_US);
		for (int k = 0; k < 3; k++)
			ug_ctx_after(&c, &a[k], count_after, NULL);
		if (i % 2)
			ug_yield();
		expected += 2 + !ug_after_stop(&a[1]);
		CHECK_IS(ug_after_stop(&a[1]), 0);
		ug_ctx_cancel(&c, 0);
		CHECK_IS(ug_after_stop(&a[0]), 0);
		ug_ctx_pop(&c);
	}
	UNTIL(load_seq(&afters) == expected);
	for (int i = 0; i < 50; i++) { /* a scope that closes by itself runs none */
		struct ug_after a;
		ug_ctx c;
		ug_ctx_push_timeout(&c, UG_HOUR);
		ug_ctx_after(&c, &a, count_after, NULL);
		ug_ctx_pop(&c);
		CHECK_IS(ug_after_stop(&a), 0);
	}
	CHECK_IS(ug_sleep(UG_MS), 0);
	CHECK_IS(load_seq(&afters), expected);
	struct ug_after never;
	ug_ctx_after(ug_ctx_current(), &never, count_after, NULL); /* the root */
	CHECK_IS(ug_after_stop(&never), 0);
	return 0;
}

static int after_under_a_dead_parent(void *unused)
{
	(void)unused;
	struct ug_after a;
	ug_ctx p, c;
	ug_ctx_push(&p);
	ug_ctx_push(&c);
	ug_ctx_cancel(&p, 0);
	afters = 0;
	ug_ctx_after(&c, &a, count_after, NULL);
	UNTIL(load_seq(&afters) == 1);
	ug_ctx_pop(&c);
	ug_ctx_pop(&p);
	return 0;
}

static void a_function_after_what_has_ended_runs_at_once(void **state)
{
	(void)state;
	assert_int_equal(ug_run(after_under_a_dead_parent, NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cancellation_is_never_missed),
		cmocka_unit_test(a_deadline_is_never_missed),
		cmocka_unit_test(the_first_end_wins),
		cmocka_unit_test(an_end_reaches_scopes_that_open_later_and_no_shield),
		cmocka_unit_test(a_hundred_thousand_nested_scopes_end_at_once),
		cmocka_unit_test(ends_fall_anywhere_in_trees_that_come_and_go),
		cmocka_unit_test(functions_after_an_end_run_once_or_not_at_all),
		cmocka_unit_test(a_function_after_what_has_ended_runs_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
