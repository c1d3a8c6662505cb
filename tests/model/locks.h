/* SPDX-License-Identifier: MIT */
/* Scenarios of locks: those that belong to who uses them, and readers that are noted with their workers. Included by
 * scenarios.c. */
#ifndef MODEL_LOCKS_H
#define MODEL_LOCKS_H

#include "world.h"

/* Two workers and a plain thread want a lock that belongs to whoever had it twice in a row; or two locks, as select
 * does. */
static struct ug__biased guards[2];
static struct ug__bias guard_biases[2];
static int owners_count, guard_count, turns_each, inside[2];

static void use_guards(void *number)
{
	int me = (int)(uintptr_t)number;
	ug__this_owner = me < owners_count ? &owners[me] : NULL;
	for (int turn = 0; turn < turns_each; turn++) {
		for (int i = 0; i < guard_count; i++) {
			ug__biased_lock(&guards[i], &guard_biases[i]);
			if (inside[i]++)
				model_fail("two threads are inside");
		}
		model_point();
		for (int i = guard_count; i-- > 0;) {
			inside[i]--;
			ug__biased_drop(&guards[i]);
		}
	}
	model_call(); /* no store stays in a core's buffer */
	task_over[me] = true;
}

static void start_owners(int workers_count, int plain, int locks, int turns)
{
	start(0, false);
	memset(guards, 0, sizeof guards);
	memset(guard_biases, 0, sizeof guard_biases);
	memset(inside, 0, sizeof inside);
	refused = 0;
	owners_count = workers_count;
	guard_count = locks;
	turns_each = turns;
	for (int i = 0; i < workers_count + plain; i++) {
		static const char *const names[] = {"user 0", "user 1", "user 2"};
		owners[i].id = (uint32_t)i + 1;
		task_in_use[i] = true;
		model_thread(names[i], use_guards, (void *)(uintptr_t)i);
	}
}

static void owned(void)
{
	start_owners(2, 0, 1, 4);
}

/* Time for one who took it by force to make it his own. */
static void owned_again(void)
{
	start_owners(2, 0, 1, 7);
}

static void owned_3(void)
{
	start_owners(2, 1, 1, 3);
}

static void owned_both(void)
{
	start_owners(2, 0, 2, 4);
}

/* A lock that is noted with the readers' workers, and a writer. A reader may wait while it has the lock. */
static ug_rwmutex book;
static int book_readers, book_writers;

static void read_book(int me)
{
	for (int i = 0; i < 3; i++) {
		(void)!ug_rwmutex_rlock(&book);
		book_readers++;
		if (book_writers)
			model_fail("task %d reads what is being written", me);
		if (i == 1)
			ug_yield();
		else
			model_point();
		book_readers--;
		ug_rwmutex_runlock(&book);
	}
}

static void write_once(void)
{
	(void)!ug_rwmutex_lock(&book);
	if (book_writers++ || book_readers)
		model_fail("written while others are in");
	model_point();
	book_writers--;
	ug_rwmutex_unlock(&book);
}

static void write_book(int me)
{
	(void)me;
	write_once();
}

static void write_from_thread(void *unused)
{
	(void)unused;
	write_once();
}

/* With all workers that there are. */
static void note_readers(void)
{
	S->workers = NULL;
	for (int i = 0; i < worker_count; i++) {
		workers[i].next = S->workers;
		S->workers = &workers[i];
		workers[i].held_mode = S->procs_count > 1 ? UG__HELD_FENCED : UG__HELD_PLAIN;
	}
	S->worker_count = (uint32_t)worker_count;
}

static void start_book(int procs_count, bool thread, void (*outside)(void *unused))
{
	memset(&book, 0, sizeof book);
	book_readers = book_writers = 0;
	start(procs_count, false);
	note_readers();
	task_fn[0] = read_book;
	task_fn[1] = write_book;
	for (int i = 0; i < (thread ? 1 : 2); i++) {
		unbound[i] = task_in_use[i] = true;
		S->procs[i % procs_count].slot = (runnable)task(i) | 1;
	}
	if (outside)
		model_thread("outside", outside, NULL);
}

static void book_2(void)
{
	start_book(2, false, NULL);
}

static void book_1(void)
{
	start_book(1, true, write_from_thread);
}

/* A task leaves its lock to a thread, which lets go of it while the task leaves its stack, and then writes. */
static bool book_left;

static bool is_left(const void *unused)
{
	(void)unused;
	return book_left;
}

static void read_and_leave(int me)
{
	(void)me;
	(void)!ug_rwmutex_rlock(&book);
	ug_rwmutex_runlock(&book);
	(void)!ug_rwmutex_rlock(&book);
	book_left = true;
}

static void let_go_and_write(void *unused)
{
	(void)unused;
	model_wait(is_left, NULL);
	if (ug_rwmutex_runlock(&book) < 0)
		model_fail("the lock is gone that was left");
	write_once();
	task_over[1] = true;
}

static void book_left_1(void)
{
	book_left = false;
	start_book(1, true, let_go_and_write);
	task_fn[0] = read_and_leave;
	task_in_use[1] = true;
}

#endif
