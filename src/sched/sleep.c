/* SPDX-License-Identifier: MIT */
/*
 * Timers for tasks. A timer is armed on the heap of the processor at hand; who has none (a plain thread, a pinned task,
 * a worker that lost its processor) uses the monitor's. It is stopped on whatever heap it is.
 */
#include "sched/enter.h"

void ug__timer_arm(struct ug__timer *t, int64_t when, void (*fire)(struct ug__timer *t))
{
	t->when_ = when;
	t->fire_ = fire;
	struct worker *w = ug__worker();
	bool nested = w && load_relaxed(&w->in);
	struct proc *p = !w ? NULL : nested ? w->proc : ug__enter(w);
	int first = ug__timers_add(p ? &p->timers : &S->monitor_timers, t);
	if (w && !nested)
		ug__leave(w);
	if (first && !p)
		ug__monitor_timer_added(when);
	else if (first && unlikely(load_seq(&S->monitor_asleep)))
		ug__monitor_wake(); /* it watches over this processor again, should the task run on and on */
}

int ug__timer_stop(struct ug__timer *t)
{
	return ug__timers_remove(t);
}

struct sleeper {
	struct ug__timer timer;
	struct ug__task *task;
};

static void wake(struct ug__timer *timer)
{
	struct ug__task *t = ((struct sleeper *)(void *)timer)->task;
	if (ug__wake_win(t))
		ug__ready(t);
}

static int sleep_until(struct ug__task *t, int64_t when)
{
	struct sleeper s = {.task = t};
	ug__wait_arm(t, UG__WAIT_SLEEP, NULL);
	if (when != UG_FOREVER)
		ug__timer_arm(&s.timer, when, wake);
	int e = ug__park(t);
	if (e < 0)
		ug__timer_stop(&s.timer);
	return e;
}

int ug_sleep_until(int64_t when)
{
	struct ug__task *t = ug__wait_self();
	UG_TRY(ug__wait_check(t));
	return when <= ug_now() ? 0 : sleep_until(t, when);
}

int ug_sleep(int64_t d)
{
	struct ug__task *t = ug__wait_self();
	UG_TRY(ug__wait_check(t));
	return d <= 0 ? 0 : sleep_until(t, ug_time_add(ug_now(), d));
}
