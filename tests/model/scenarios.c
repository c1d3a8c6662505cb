/* SPDX-License-Identifier: MIT */
/*
 * The heart of sched under the explorer: run queues, sleep and wake, park and ready, the hand-over of processors.
 *
 * What is checked. Each scenario below starts a few workers, tasks and threads from outside, with a ring of two places,
 * and is run in every interleaving of their atomic operations with a bounded number of switches away from a thread that
 * could have gone on, then in random ones. A run is wrong where at its end, when nothing can go on, a task is not over
 * (a lost wake); where two threads stand on one stack; where two workers hold one processor, or one touches what
 * another holds; where a task is picked twice; where an invariant of the library's own breaks; where it never ends.
 * Mutants in run.py, each with one line less, show that the scenarios see what these lines are for.
 *
 * What is not seen. Memory is sequentially consistent; the scenarios marked "delayed stores" add store buffers as x86
 * has them. A machine that reorders more (aarch64) can do what no run here does: that each acquire has its release is
 * for reading, and for the race detector. Plain fields are not points of a switch, and a race on one is not noticed:
 * that is the race build's. Few switches and small numbers: a bug that needs more of either is found by luck or not at
 * all. Timers never fire, contexts never end, descriptors, pool threads, the monitor's loop and the start of a runtime
 * are absent. The stand-ins of futex, epoll and membarrier do what their man pages say, no more: a spurious wake does
 * not happen.
 */
#include "world.h"

#include "hand_over.h"
#include "locks.h"
#include "place.h"

/* Scenarios
 * ---------------------------------------------------------------------------------------------------------- */

static void inject_one(void *unused)
{
	(void)unused;
	spawn(0);
}

static void one_injected(void)
{
	start(1, false);
	task_fn[0] = nothing;
	model_thread("outside", inject_one, NULL);
}

static void inject_two(void *unused)
{
	(void)unused;
	spawn(0);
	spawn(1);
}

/* A thread from outside starts tasks while workers go to sleep. */
static void start_injected(int procs_count, bool own_thread)
{
	start(procs_count, own_thread);
	task_fn[0] = task_fn[1] = nothing;
	model_thread("outside", inject_two, NULL);
}

static void injected_1(void)
{
	start_injected(1, false);
}

static void injected_2(void)
{
	start_injected(2, false);
}

static void injected_own_1(void)
{
	start_injected(1, true);
}

static void injected_own_2(void)
{
	start_injected(2, true);
}

/* Two threads from outside: what one's wake leaves behind meets the other's. */
static void inject_0(void *unused)
{
	(void)unused;
	spawn(0);
	spawn(1);
}

static void inject_1(void *unused)
{
	(void)unused;
	spawn(2);
}

static void start_two_injectors(bool own_thread)
{
	start(1, own_thread);
	task_fn[0] = task_fn[1] = task_fn[2] = nothing;
	model_thread("outside 0", inject_0, NULL);
	model_thread("outside 1", inject_1, NULL);
}

static void injectors(void)
{
	start_two_injectors(false);
}

static void injectors_own(void)
{
	start_two_injectors(true);
}

/* A task waits, a thread wakes it, twice: it may be woken, taken and run while it still leaves its stack. */
static void wait_twice(int me)
{
	wait_at(&places[me]);
	wait_at(&places[me]);
}

static void wake_twice(void *place)
{
	wake_one(place);
	wake_one(place);
}

static void parked_2(void)
{
	memset(places, 0, sizeof places);
	start(2, false);
	task_fn[0] = wait_twice;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
	model_thread("outside", wake_twice, &places[0]);
}

/* Two tasks that wake each other, on two processors: each may be about to leave for the stack that the other still
 * stands on. */
static void play(int me)
{
	for (int i = 0; i < 2; i++) {
		if (me)
			wait_at(&places[1]);
		while (!try_wake(&places[!me]) && !task_over[!me]) {
			ug_yield();
			model_yield();
		}
		if (!me && i == 0)
			wait_at(&places[0]);
	}
}

static void playing(void)
{
	memset(places, 0, sizeof places);
	start(2, false);
	task_fn[0] = task_fn[1] = play;
	for (int i = 0; i < 2; i++) {
		unbound[i] = task_in_use[i] = true;
		S->procs[i].slot = (runnable)task(i) | 1;
	}
}

/* A task starts others and then holds its thread until they are over: they must be found by others. */
static bool others_over(const void *unused)
{
	(void)unused;
	return task_over[1] && task_over[2] && task_over[3];
}

static void start_and_hold(int me)
{
	(void)me;
	for (int i = 1; i < 4; i++)
		spawn(i);
	/* The last one stands in the slot, which is this processor's to run: to the ring with it. */
	ug_yield();
	model_wait(others_over, NULL);
}

static void held_2(void)
{
	start(2, false);
	task_fn[0] = start_and_hold;
	task_fn[1] = task_fn[2] = task_fn[3] = nothing;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
}

/* The same with one task to be found in the ring; the last one made ready waits in the slot, and is not what is waited
 * for. */
static bool task_1_over(const void *unused)
{
	(void)unused;
	return task_over[1];
}

static void start_two_and_hold(int me)
{
	(void)me;
	spawn(1);
	spawn(2);
	model_wait(task_1_over, NULL);
}

static void revive_two_and_hold(int me)
{
	(void)me;
	revive(1);
	revive(2);
	model_wait(task_1_over, NULL);
}

static void held(void (*by)(int me))
{
	start(2, false);
	task_fn[0] = by;
	task_fn[1] = task_fn[2] = nothing;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
}

static void held_ring(void)
{
	held(revive_two_and_hold);
}

/* The same among the young. */
static void held_young(void)
{
	held(start_two_and_hold);
}

/* Three tasks from outside that hold their threads, each until the later ones are over: three workers must come to
 * run. */
static bool later_over(const void *me)
{
	for (int i = *(const int *)me + 1; i < 3; i++)
		if (!task_over[i])
			return false;
	return true;
}

static void hold_till_later(int me)
{
	model_wait(later_over, &me);
}

static void inject_three(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++)
		spawn(i);
}

static void chain_3(void)
{
	start(3, false);
	task_fn[0] = task_fn[1] = task_fn[2] = hold_till_later;
	model_thread("outside", inject_three, NULL);
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
	spawn(me + 1);
	spawn(me + 2);
}

static void young_again(void)
{
	steal_from(spawn_two);
	task_fn[2] = spawn_two; /* the first has the slot */
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

/* A task holds its thread and has a timer: the monitor must not sleep, for its processor may have to be taken. */
static bool monitor_looked;

static bool has_looked(const void *unused)
{
	(void)unused;
	return monitor_looked;
}

static void arm_and_hold(int me)
{
	static struct ug__timer timer;
	(void)me;
	ug__timer_arm(&timer, 5, NULL);
	model_wait(has_looked, NULL);
}

static void monitor_sleeps(void *unused)
{
	(void)unused;
	sleep_until_woken(load_seq(&monitor_word), UG_SECOND);
	monitor_looked = true;
}

static void armed(void)
{
	start(1, false);
	monitor_looked = false;
	task_fn[0] = arm_and_hold;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
	model_thread("monitor", monitor_sleeps, NULL);
}

/* The runtime ends, while the monitor has a spare in its hands. */
static void rescue_and_go(void *unused)
{
	(void)unused;
	rescue(&procs[0]);
	ug__thread_gone();
}

static void end_all(void *unused)
{
	(void)unused;
	runtime_end();
}

static void ending(void)
{
	start(1, false);
	add_worker(NULL);
	S->threads = 3;
	model_thread("monitor", rescue_and_go, NULL);
	model_thread("main", end_all, NULL);
}

/* A thread makes a hog ready whose end is the runtime's. */
static void end_after_task_0(void *unused)
{
	model_wait(task_0_over, unused);
	runtime_end();
}

static void wait_as_hog(int me)
{
	task(me)->hog = 1;
	wait_at(&places[me]);
}

static void wake_0(void *unused)
{
	(void)unused;
	wake_one(&places[0]);
}

static void visited(void)
{
	memset(places, 0, sizeof places);
	start(1, false);
	S->threads = 1;
	task_fn[0] = wait_as_hog;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
	model_thread("outside", wake_0, NULL);
	model_thread("main", end_after_task_0, NULL);
}

/* What a worker runs and what it has is read plainly by itself, whose a processor is by this model. */
static bool may_delay(const volatile void *at)
{
	for (int i = 0; i < worker_count; i++)
		if (at == &workers[i].cur || at == &workers[i].proc)
			return false;
	for (size_t i = 0; i < UG_COUNT_OF(procs); i++)
		if (at == &procs[i].worker)
			return false;
	return true;
}

#define MODEL(scenario, bound)                                                                                         \
	{                                                                                                              \
#scenario, scenario, all_over, one_holder, switched, bound, NULL                                       \
	}
#define MODEL_DELAYS(scenario, bound)                                                                                  \
	{                                                                                                              \
#scenario " (delayed stores)", scenario, all_over, one_holder, switched, bound, may_delay              \
	}
static const struct model models[] = {
	MODEL(one_injected, 4),
	MODEL(injected_1, 3),
	MODEL(injected_own_1, 3),
	MODEL(injected_2, 2),
	MODEL(injected_own_2, 2),
	MODEL(injectors, 3),
	MODEL(injectors_own, 3),
	MODEL(parked_2, 2),
	MODEL(playing, 2),
	MODEL(held_ring, 3),
	MODEL(held_young, 3),
	MODEL(held_2, 2),
	MODEL(thieves, 2),
	MODEL(thieves_young, 2),
	MODEL(young_again, 2),
	MODEL(given_way, 2),
	MODEL(given_way_full, 2),
	MODEL(given_way_held, 3),
	MODEL(chain_3, 1),
	MODEL(taken, 2),
	MODEL(pinned, 2),
	MODEL(armed, 3),
	MODEL(ending, 2),
	MODEL(visited, 2),
	MODEL(book_1, 3),
	MODEL(book_2, 2),
	MODEL(book_taken, 2),
	MODEL(book_left_1, 3),
	MODEL(owned, 4),
	MODEL(owned_again, 4),
	MODEL(owned_3, 3),
	MODEL(owned_both, 3),
	MODEL_DELAYS(one_injected, 4),
	MODEL_DELAYS(held_ring, 2),
	MODEL_DELAYS(injected_1, 2),
	MODEL_DELAYS(injected_own_1, 2),
	MODEL_DELAYS(taken, 2),
	MODEL_DELAYS(owned, 4),
	MODEL_DELAYS(book_1, 3),
	MODEL_DELAYS(book_2, 2),
	MODEL_DELAYS(book_taken, 2),
};

/* scenarios [-s SECONDS] [-r SECONDS] [-l LESS] [SCENARIO]...: explores each to its bound less LESS for so many seconds
 * at most, then wanders; status 1 where something is wrong. */
int main(int argc, char **argv)
{
	int seconds = 60, random = 1, less = 0, status = 0, chosen = 0;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
			seconds = atoi(argv[++i]);
		else if (strcmp(argv[i], "-r") == 0 && i + 1 < argc)
			random = atoi(argv[++i]);
		else if (strcmp(argv[i], "-l") == 0 && i + 1 < argc)
			less = atoi(argv[++i]);
		else
			chosen++;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t m = 0; m < UG_COUNT_OF(models); m++) {
		bool run = chosen == 0;
		for (int i = 1; i < argc; i++)
			run |= strncmp(models[m].name, argv[i], strlen(argv[i])) == 0;
		if (!run)
			continue;
		struct model one = models[m];
		int last = one.switches - less, found = 0;
		for (one.switches = 0; one.switches <= last && found == 0; one.switches++)
			found = model_explore(&one, seconds);
		if (found != 1 && random)
			found = model_wander(&one, random);
		status |= found == 1;
	}
	return status;
}
