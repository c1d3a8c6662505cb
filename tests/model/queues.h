/* SPDX-License-Identifier: MIT */
/* Scenarios of a processor's queues: the slot, the ring, the young, and thieves at each. Included by scenarios.c. */
#ifndef MODEL_QUEUES_H
#define MODEL_QUEUES_H

#include "world.h"

static void nothing(int me)
{
	(void)me;
}

/* A task fills and empties its processor's slot while one thief, or two, look at it: each is run once. */
static void fill_slot(int me)
{
	for (int i = 1; i < 4; i++) {
		revive(i);
		ug_yield();
	}
	(void)me;
}

static void start_robbed(int procs_count)
{
	start(procs_count, false);
	task_fn[0] = fill_slot;
	task_fn[1] = task_fn[2] = task_fn[3] = nothing;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
}

static void robbed(void)
{
	start_robbed(2);
}

static void robbed_3(void)
{
	start_robbed(3);
}

/* The rings of two places: pushes that overflow, thieves that take half, pops at both ends, at once. */
static void overflow_ring(int me)
{
	(void)me;
	for (int i = 1; i < 4; i++)
		revive(i);
}

static void overflow_young(int me)
{
	(void)me;
	for (int i = 1; i < 4; i++)
		spawn(i);
}

static void steal_from(void (*fn)(int me))
{
	start(2, false);
	task_fn[0] = fn;
	task_fn[1] = task_fn[2] = task_fn[3] = nothing;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
}

static void thieves(void)
{
	steal_from(overflow_ring);
}

static void thieves_young(void)
{
	steal_from(overflow_young);
}

/* A young one is popped and others are pushed while a thief looks: its swap must not take the places for the same. */
static void spawn_two(int me)
{
	spawn(2 * me + 1);
	spawn(2 * me + 2);
}

static void young_again(void)
{
	steal_from(spawn_two);
	task_fn[1] = spawn_two;
	task_fn[4] = nothing;
}

/* A task gives way to those that it has started: it goes below them, beside a thief, and they are there after it. */
static void start_and_give_way(int me)
{
	(void)me;
	spawn(1);
	spawn(2);
	ug__give_way_to_young();
	spawn(3);
	ug__give_way_to_young();
}

static void given_way(void)
{
	steal_from(start_and_give_way);
}

/* The same where they leave no room: its half goes to the surplus. */
static void start_many_and_give_way(int me)
{
	(void)me;
	for (int i = 1; i < 4; i++)
		spawn(i);
	ug__give_way_to_young();
}

static void given_way_full(void)
{
	steal_from(start_many_and_give_way);
}

/* One of them holds its thread until who gave way is over: he must be found by others. */
static bool task_0_over(const void *unused)
{
	(void)unused;
	return task_over[0];
}

static void hold_till_0(int me)
{
	(void)me;
	model_wait(task_0_over, NULL);
}

static void start_one_and_give_way(int me)
{
	(void)me;
	spawn(1);
	ug__give_way_to_young();
}

static void given_way_held(void)
{
	start(2, false);
	task_fn[0] = start_one_and_give_way;
	task_fn[1] = hold_till_0;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
}

#endif
