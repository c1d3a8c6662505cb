/* SPDX-License-Identifier: MIT */
/* Processors that are taken by the monitor, or given away by a task that pins itself. Included by scenarios.c. */
#ifndef MODEL_HAND_OVER_H
#define MODEL_HAND_OVER_H

#include "locks.h"
#include "world.h"

static void nothing(int me)
{
	(void)me;
}

/* The monitor takes the processor of a task that goes in and out of sched. */
static void in_and_out(int me)
{
	for (int i = 0; i < 2; i++) {
		spawn(me + 1 + i);
		ug_yield();
	}
}

static void take_once(void *unused)
{
	(void)unused;
	rescue(&procs[0]);
	rescue(&procs[0]);
}

static void taken(void)
{
	start(1, false);
	add_worker(NULL);
	task_fn[0] = in_and_out;
	task_fn[1] = task_fn[2] = nothing;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
	model_thread("monitor", take_once, NULL);
}

/* A task pins itself while the monitor takes its processor, and unpins. */
static void pin_and_unpin(int me)
{
	(void)me;
	if (ug_pin() == 0) {
		spawn(1);
		ug_unpin();
	}
}

static void pinned(void)
{
	start(1, false);
	add_worker(NULL);
	add_worker(NULL);
	task_fn[0] = pin_and_unpin;
	task_fn[1] = nothing;
	unbound[0] = task_in_use[0] = true;
	S->procs[0].slot = (runnable)task(0) | 1;
	model_thread("monitor", take_once, NULL);
}

/* The processor of a reader whose lock is noted is taken, and goes to a writer. */
static void start_writer_and_read(int me)
{
	spawn(1);
	read_book(me);
}

static void book_taken(void)
{
	start_book(1, true, NULL);
	task_fn[0] = start_writer_and_read;
	add_worker(NULL);
	note_readers();
	model_thread("monitor", take_once, NULL);
}

#endif
