/* SPDX-License-Identifier: MIT */
/*
 * The monitor: one thread that runs no tasks. Each 2 ms, while anything runs, it
 *   takes the processor from a worker that has made no pick for 6 ms, if anything waits for that processor (enter.h);
 *   tells busy workers to look at their timers and descriptors;
 *   keeps the coarse clock, one spare worker at hand, and the number of warm stacks down;
 *   lets a blocking call ask again for the thread that it was refused (blocking.c);
 *   looks for a deadlock.
 * It also fires the timers of those who have no processor (plain threads, pinned tasks). After 1 s in which no worker
 * made a pick and nothing waited for a stuck one, it gives back the stacks and records that are still kept, some each
 * tick, and then sleeps until its own next timer, or for ever; whoever makes a task ready, or leaves idleness, sees
 * monitor_asleep and wakes it. An idle program makes no wake-ups, and keeps no memory of its busiest hour.
 *
 * A worker whose thread the kernel says is asleep, though it has a task, is blocked in a call that nobody announced:
 * its processor is taken at once, if one of its timers is late, or if it has made no pick since the last look and
 * anything else waits. A thread that lost its core to another process is not asleep, and keeps its processor as one
 * that computes does. When the first timer is due, the monitor knows: it looks 100 us after, and then somebody else
 * fires it, if its worker cannot. Who has blocked lately is likely to again, and others than timers may wait, so for
 * 100 ms after such a processor was taken the monitor looks each 150 us: that costs 7 % of a core (18 us a look on the
 * machine of bench/RESULTS.md, nearly all of it the kernel's timer and switch), which is why it does so only while a
 * processor is idle or still, and for the sake of timers alone each 500 us on average: time in which it did not look is
 * paid for one look that comes sooner. While all are at work it backs off, doubling the time up to the tick.
 *
 * Nothing that the monitor does before a processor is given away may wait for a stuck task: it allocates nothing and
 * makes no thread there, because the stuck one may hold malloc's lock. The next spare is made afterwards.
 *
 * Deadlock, under ug_main only: every processor's worker sleeps, nothing is queued, nobody runs offline, no timer is
 * armed, no blocking call runs, nobody waits on a descriptor, nothing outside was announced (signals), and the process
 * has no thread but the library's own and the one in ug_main. Then nothing can change any more. These are not looked at
 * in one instant, so it takes two ticks with the same result and no pick in between. What comes last may come without
 * waking the monitor: a plain thread ends, a task that computed waits, a new worker lies down. So where nobody is left
 * outside who would wake a task, and with it the monitor, it looks again after 1 s, then 2, then 4: twelve times in an
 * hour.
 */
#include "sched/enter.h"

#include "base/clock.h"
#include "sched/worker_priv.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK (2 * UG_MS)
#define STUCK_TICKS 3
#define NEAR (150 * UG_US)
#define SPARSE (500 * UG_US)
#define LATE (100 * UG_US)
#define WATCH (100 * UG_MS)
#define QUIET_TICKS 500
#define TRIM_TICKS 50

static uint32_t word; /* futex: changes when the monitor shall look anew */
static uint32_t unserved; /* processors that found no spare worker when they were looked at last */

void ug__monitor_wake(void)
{
	uint32_t asleep = 1;
	if (cas_seq(&S->monitor_asleep, &asleep, 0u))
		ug__monitor_nudge();
}

void ug__monitor_nudge(void)
{
	add_seq(&word, 1u);
	ug__futex_wake(&word, 1);
}

/* The monitor says when it will look, then reads when its first timer is due; here it is the other way round. */
void ug__monitor_timer_added(int64_t when)
{
	if (unlikely(load_seq(&S->virtual_clock))) { /* a plain thread may ask while a runtime begins */
		/* The clock is moved by a worker that sleeps: it has to see this one too. */
		if (ug__visit()) {
			ug__idle_kick();
			ug__visit_end();
		}
		ug__monitor_nudge();
	} else if (when < load_seq(&S->monitor_looks)) {
		ug__monitor_nudge();
	}
}

/* Taking ----------------------------------------------------------------------------------------------------------- */

static bool anything_waits(const struct proc *p, int64_t now)
{
	return !ug__queue_empty(p) || load_relaxed(&S->global.count) || load_relaxed(&S->surplus.count) ||
		load_relaxed(&S->hogs.count) || ug__starved_due() <= now || load_relaxed(&p->timers.next) <= now ||
		(load_relaxed(&S->registered) && !S->poller->own_thread && load_relaxed(&S->idle_count) == 0);
}

/* p's worker is stuck and something waits: find it another. */
static bool rescue(struct proc *p)
{
	struct worker *spare = ug__spare_take();
	if (!spare) {
		unserved++;
		return false;
	}
	add_seq(&S->displaced, 1u); /* before the worker can know */
	if (!ug__take(p)) {
		ug__idle_displaced_end();
		ug__spare_back(spare);
		return false;
	}
	add_seq(&S->offline_count, 1u); /* the worker that lost it */
	p->stale = 0;
	store_relaxed(&p->attention, 1u);
	ug__spare_give(spare, p);
	return true;
}

/* How a close look found a processor. */
enum sight { AT_WORK, IDLE, STILL, TAKEN };

/* Takes a processor that is needed soon, and whose thread sleeps in the kernel. To ask for that costs 2 us: it is done
 * where a timer is late, and at each power of two of looks without a pick. */
static enum sight look_closely(struct proc *p, int64_t now)
{
	struct worker *w = load_acquire(&p->worker);
	uint32_t tick = load_relaxed(&p->tick);
	bool idle = load_relaxed(&w->idle), late = load_relaxed(&p->timers.next) <= now - LATE;
	p->near_looks = tick == p->near_tick && !idle ? p->near_looks + 1 : 0;
	p->near_tick = tick;
	uint32_t looks = p->near_looks, thread = load_relaxed(&w->thread);
	if (looks == 0 && (idle || !late))
		return idle ? IDLE : AT_WORK;
	if ((late || (looks & (looks - 1)) == 0) && !load_relaxed(&w->in) && anything_waits(p, now + TICK) && thread &&
		ug__thread_sleeps(thread) && rescue(p))
		return TAKEN;
	return looks ? STILL : AT_WORK;
}

/* Looks at one processor; true: it did something, or somebody waits for it. */
static bool look_at(struct proc *p, int64_t now)
{
	uint32_t tick = load_relaxed(&p->tick);
	struct worker *w = load_acquire(&p->worker);
	bool same = tick == p->seen_tick;
	p->seen_tick = tick;
	if (load_relaxed(&w->idle)) {
		p->stale = 0;
		return !same;
	}
	if (load_relaxed(&S->registered) || load_relaxed(&p->timers.next) <= now)
		store_relaxed(&p->attention, 1u);
	p->stale = same ? p->stale + 1 : 0;
	if (same)
		store_relaxed(&p->robbed, 0u);
	if (same && load_relaxed(&p->slot) && load_relaxed(&S->idle_count))
		ug__idle_wake(); /* for a patient thief: idle.c */
	bool waits = p->stale >= STUCK_TICKS && anything_waits(p, now);
	if (waits)
		rescue(p);
	return !same || waits;
}

/* Deadlock --------------------------------------------------------------------------------------------------------- */

/* Threads of the process that can still run, as the kernel counts them. */
static uint32_t all_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	uint32_t n = 0;
	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n - ug__main_thread_gone();
}

/* Nobody outside will make a task ready, and so wake the monitor, but perhaps a thread that the library does not
 * know. */
static bool nobody_outside(void)
{
	if (!load_seq(&S->report_deadlock) || load_seq(&S->outside) || load_seq(&S->monitor_timers.next) != UG_FOREVER)
		return false;
	for (uint32_t i = 0; i < S->procs_count; i++)
		if (load_seq(&S->procs[i].timers.next) != UG_FOREVER)
			return false;
	return !ug__blocking_busy() && !ug__fd_anyone_waits();
}

static bool deadlocked(void)
{
	return nobody_outside() && load_seq(&S->idle_count) == S->procs_count && !load_seq(&S->searching) &&
		!load_seq(&S->offline_count) && !load_seq(&S->stopping) && !ug__work_anywhere() &&
		/* the library's, and the one that waits in ug_main */
		all_threads() == load_seq(&S->threads) + 1;
}

static void report_deadlock(void)
{
	ug__report(2, "undergo: deadlock: all tasks wait, and nothing is left that could wake one\n");
	ug__dump_tasks(2);
	_exit(2);
}

/* The thread ------------------------------------------------------------------------------------------------------- */

/* As many as are needed now, one in any case; one more at a time. */
static void spare_have(void)
{
	if (load_relaxed(&S->spare_count) < (unserved ? unserved : 1))
		ug__worker_start(NULL);
}

static void housekeeping(uint32_t tick)
{
	spare_have();
	if (tick % TRIM_TICKS == 0) {
		ug__stack_trim();
		ug__records_trim();
	}
}

/* When its own next timer is due, by the kernel's clock. */
static int64_t next_timer(void)
{
	return S->virtual_clock ? UG_FOREVER : load_seq(&S->monitor_timers.next);
}

/* The worker of one that sleeps wakes for them itself. */
static bool busy_one_has_timers(void)
{
	for (uint32_t i = 0; i < S->procs_count; i++)
		if (!load_relaxed(&load_acquire(&S->procs[i].worker)->idle) &&
			load_seq(&S->procs[i].timers.next) != UG_FOREVER)
			return true;
	return false;
}

/* Sleeps until somebody makes a step, or its own timer is due; or for `patience`, where a deadlock may come without a
 * step: true, if that is over. */
static bool sleep_until_woken(uint32_t seen, int64_t patience)
{
	store_seq(&S->monitor_looks, UG_FOREVER);
	store_seq(&S->monitor_asleep, 1u);
	/* Look once more: a push, or a timer's arming, before this line did not see monitor_asleep. Slots are filled by
	 * plain stores. */
	bool sure = S->taken_none || ug__membarrier() == 0;
	uint32_t idle = load_seq(&S->idle_count);
	bool unwatched = idle == 0 && load_seq(&S->registered) && !S->poller->own_thread;
	bool busy = unwatched || (idle < S->procs_count && (ug__work_anywhere() || busy_one_has_timers()));
	/* Who has no barrier any more (a sandbox since the start) looks again as well. */
	bool again = !sure || nobody_outside();
	int64_t until = next_timer(), then = ug__clock_real() + patience;
	int e = 0;
	if (!busy && !load_seq(&S->stopping))
		e = ug__futex_wait(&word, seen, again && then < until ? then : until);
	store_seq(&S->monitor_asleep, 0u);
	return again && e == -ETIMEDOUT;
}

/* The first of the processors' timers, by the kernel's clock: as soon as it is late, somebody may be stuck. */
static int64_t first_timer(void)
{
	int64_t first = UG_FOREVER;
	for (uint32_t i = 0; i < S->procs_count && !S->virtual_clock; i++) {
		int64_t next = load_relaxed(&S->procs[i].timers.next);
		first = next < first ? next : first;
	}
	return first;
}

/* Answers in how long to look closely again; TICK: there is no cause to. */
static int64_t look_closely_all(int64_t real)
{
	static int64_t watch_until, step;
	static int64_t paid_until; /* each look costs SPARSE, of which one may be saved, and one be owed */
	static uint32_t streak; /* of looks that found all at work */
	int64_t now = ug_now();
	paid_until = paid_until < real - SPARSE ? real : paid_until < real ? paid_until + SPARSE : real + SPARSE;
	bool at_work = true, taken = false;
	unserved = 0;
	ug__timers_run(&S->monitor_timers, now);
	for (uint32_t i = 0; i < S->procs_count; i++) {
		enum sight sight = look_closely(&S->procs[i], now);
		at_work &= sight == AT_WORK;
		taken |= sight == TAKEN;
	}
	if (taken) {
		spare_have();
		watch_until = real + WATCH;
	}
	bool watch = real < watch_until;
	streak = at_work ? streak + 1 : 0;
	step = streak > 1 ? step * 2 : watch ? NEAR : SPARSE;
	step = step < TICK ? step : TICK;
	int64_t first = first_timer();
	if (watch || first <= now - LATE)
		return step;
	if (first >= now + TICK)
		return TICK;
	int64_t soonest = streak > 1 ? step : paid_until - real;
	return first + LATE - now > soonest ? first + LATE - now : soonest;
}

/* The time between two ticks: asleep, but for close looks where a timer would be late, and in a program that blocks its
 * workers. */
static void wait_for_tick(uint32_t seen)
{
	int64_t real = ug__clock_real(), tick_end = real + TICK;
	while (real < tick_end && load_seq(&word) == seen) {
		int64_t step = look_closely_all(real);
		int64_t look = real + step < tick_end ? real + step : tick_end;
		store_seq(&S->monitor_looks, look);
		int64_t timer = next_timer();
		ug__futex_wait(&word, seen, timer < look ? timer : look);
		real = ug__clock_real();
	}
}

static void *monitor_main(void *unused)
{
	(void)unused;
	ug__thread_prompt();
	uint32_t quiet = 0, locked = 0;
	int64_t patience = UG_SECOND;
	for (uint32_t tick = 0; !load_acquire(&S->stopping); tick++) {
		uint32_t seen = load_seq(&word);
		int64_t now = ug_now();
		store_relaxed(&S->coarse, now);
		ug__timers_run(&S->monitor_timers, now);
		bool active = false;
		store_relaxed(&S->muted, 0u);
		unserved = 0;
		for (uint32_t i = 0; i < S->procs_count; i++)
			active |= look_at(&S->procs[i], now);
		active |= ug__blocking_retry();
		housekeeping(tick);
		quiet = active ? 0 : quiet + 1;
		locked = !active && deadlocked() ? locked + 1 : 0;
		if (locked == 2)
			report_deadlock();
		if (quiet >= QUIET_TICKS && ug__stack_trim() + ug__records_trim() == 0) {
			ug__past_forget();
			bool over = sleep_until_woken(seen, patience);
			patience = over ? patience * 2 : UG_SECOND;
			quiet = over ? QUIET_TICKS - 2 : 0; /* looks twice, and sleeps again */
			continue;
		}
		wait_for_tick(seen);
	}
	ug__thread_gone();
	return NULL;
}

int ug__monitor_start(void)
{
	return ug__thread_start(monitor_main, NULL);
}
