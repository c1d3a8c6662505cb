/* SPDX-License-Identifier: MIT */
/*
 * Signals as values of channels.
 *
 * One handler serves all: it notes the signal in a word of bits and posts a semaphore, which is all that a handler may
 * do. A thread of our own waits for the semaphore and sends into the channels, without waiting. It lives as long as
 * anybody is notified of anything.
 *
 * Why a thread and not a task with a descriptor: notifications work with and without a runtime and across several runs
 * of one; they come even while every worker is stuck; the thread is the one that surely does not block the signals in
 * question, so workers may; and there is no descriptor to run out of. It costs a stack that is touched once.
 *
 * The lock is a pthread mutex because threads are made and actions set under it. Nobody waits for anything else while
 * holding it, and channels' drop functions run outside. Deliveries happen under it, so none comes after ug_signal_stop.
 */
#include "base/atomic.h"
#include "base/sys.h"
#include "base/sys_file.h"
#include "sched/sched.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <undergo/os.h>

#define SIGNALS 64
#define BIT(signo) (UINT64_C(1) << ((signo)-1))

/* A channel and what it is notified of. */
struct watch {
	struct watch *next;
	ug_chan *ch;
	uint64_t signals;
};

static struct {
	pthread_mutex_t lock;
	sem_t posted;
	uint64_t pending; /* written by the handler */
	uint64_t ours; /* signals whose action is not the one found any more */
	struct sigaction found[SIGNALS + 1];
	struct watch *watches;
	int running; /* the thread */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* May run on any thread at any point. It leaves errno alone: sem_post fails only where the count overflows. */
static void on_signal(int signo)
{
	or_seq(&state.pending, BIT(signo));
	sem_post(&state.posted);
}

static int valid(int signo)
{
	const uint64_t never = BIT(SIGKILL) | BIT(SIGSTOP) | BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) |
		BIT(SIGTRAP) | BIT(SIGSYS);
	/* Between the standard and the real-time ones lie those of the C library. */
	int exists = (signo > 0 && signo < 32) || (signo >= SIGRTMIN && signo <= SIGRTMAX && signo <= SIGNALS);
	return exists && !(never & BIT(signo));
}

static uint64_t watched(void)
{
	uint64_t all = 0;
	for (const struct watch *w = state.watches; w; w = w->next)
		all |= w->signals;
	return all;
}

/* Actions -------------------------------------------------------------------------------------------------------- */

static int take_over(int signo, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK}, found;
	sigemptyset(&action.sa_mask);
	UG_TRY(ug__sys_sigaction(signo, &action, &found));
	if (!(state.ours & BIT(signo)))
		state.found[signo] = found;
	state.ours |= BIT(signo);
	return 0;
}

static void give_back(int signo)
{
	if (state.ours & BIT(signo))
		ug__sys_sigaction(signo, &state.found[signo], NULL);
	state.ours &= ~BIT(signo);
}

/* Delivery ------------------------------------------------------------------------------------------------------- */

static void deliver(void)
{
	uint64_t pending = swap_seq(&state.pending, 0);
	while (pending) {
		int signo = __builtin_ctzll(pending) + 1;
		pending &= pending - 1;
		for (const struct watch *w = state.watches; w; w = w->next)
			if (w->signals & BIT(signo))
				(void)ug_chan_try_send(w->ch, &signo);
	}
}

static void unblock_only(uint64_t signals)
{
	sigset_t set;
	sigfillset(&set);
	for (int signo = 1; signo <= SIGNALS; signo++)
		if (signals & BIT(signo))
			sigdelset(&set, signo);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

static void *deliverer(void *unused)
{
	for (uint64_t signals = 1; signals;) {
		while (sem_wait(&state.posted) != 0)
			; /* EINTR: the handler ran here */
		pthread_mutex_lock(&state.lock);
		deliver();
		signals = watched();
		if (!signals)
			state.running = 0;
		pthread_mutex_unlock(&state.lock);
		unblock_only(signals);
	}
	return unused;
}

static int start_deliverer(void)
{
	static int made;
	if (!made)
		sem_init(&state.posted, 0, 0);
	made = 1;
	pthread_attr_t attr;
	int e = pthread_attr_init(&attr);
	if (e)
		return -e;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	/* It is born with everything blocked, and so not as a target for signals of others. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_t thread;
	e = pthread_create(&thread, &attr, deliverer, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	state.running = e == 0;
	return -e;
}

/* Subscriptions -------------------------------------------------------------------------------------------------- */

static struct watch **find(const ug_chan *ch)
{
	struct watch **at = &state.watches;
	while (*at && (*at)->ch != ch)
		at = &(*at)->next;
	return at;
}

/* Ends notifications of `ch` (NULL: of all channels) of `signals`, and moves watches left without any to *dead. */
static void unwatch(const ug_chan *ch, uint64_t signals, struct watch **dead)
{
	deliver();
	int any = state.watches != NULL;
	for (struct watch **at = &state.watches; *at;) {
		struct watch *w = *at;
		if (!ch || w->ch == ch)
			w->signals &= ~signals;
		if (w->signals) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = *dead;
		*dead = w;
	}
	if (any && !state.watches)
		ug__outside_add(-1);
	sem_post(&state.posted);
}

/* Outside of the lock: the last reference to a channel calls back. */
static void bury(struct watch *dead)
{
	while (dead) {
		struct watch *next = dead->next;
		(void)ug_chan_unref(&dead->ch);
		free(dead);
		dead = next;
	}
}

static int watch(struct watch *fresh, int signo)
{
	if (!state.running)
		UG_TRY(start_deliverer());
	UG_TRY(take_over(signo, on_signal));
	struct watch **at = find(fresh->ch);
	int first = !state.watches;
	if (!*at) {
		ug_chan_ref(&fresh->ch);
		*at = fresh;
	}
	(*at)->signals |= BIT(signo);
	if (first)
		ug__outside_add(1);
	sem_post(&state.posted);
	return *at == fresh;
}

int ug_signal_notify_chan(ug_chan *ch, const int *type, int signo)
{
	(void)type;
	if (!ch || !valid(signo))
		return -EINVAL;
	struct watch *fresh = calloc(1, sizeof *fresh);
	if (!fresh)
		return -ENOMEM;
	fresh->ch = ch;
	pthread_mutex_lock(&state.lock);
	int used = watch(fresh, signo);
	pthread_mutex_unlock(&state.lock);
	if (used != 1)
		free(fresh);
	return used < 0 ? used : 0;
}

int ug_signal_stop_chan(ug_chan *ch)
{
	struct watch *dead = NULL;
	pthread_mutex_lock(&state.lock);
	struct watch *w = ch ? *find(ch) : NULL;
	if (w) {
		uint64_t others = 0;
		for (const struct watch *o = state.watches; o; o = o->next)
			others |= o == w ? 0 : o->signals;
		for (int signo = 1; signo <= SIGNALS; signo++)
			if (w->signals & ~others & BIT(signo))
				give_back(signo);
		unwatch(ch, UINT64_MAX, &dead);
	}
	pthread_mutex_unlock(&state.lock);
	bury(dead);
	return 0;
}

int ug_signal_ignore(int signo)
{
	if (!valid(signo))
		return -EINVAL;
	struct watch *dead = NULL;
	pthread_mutex_lock(&state.lock);
	int e = take_over(signo, SIG_IGN);
	if (e == 0 && state.watches)
		unwatch(NULL, BIT(signo), &dead);
	pthread_mutex_unlock(&state.lock);
	bury(dead);
	return e;
}

int ug_signal_reset(int signo)
{
	if (!valid(signo))
		return -EINVAL;
	struct watch *dead = NULL;
	pthread_mutex_lock(&state.lock);
	give_back(signo);
	if (state.watches)
		unwatch(NULL, BIT(signo), &dead);
	pthread_mutex_unlock(&state.lock);
	bury(dead);
	return 0;
}
