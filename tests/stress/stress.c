/* SPDX-License-Identifier: MIT */
/*
 * Random spawn, send, select, cancel, close, steal: nothing hangs, nothing is lost, nothing comes twice.
 *
 *	stress [SECONDS [SEED]]           or UG_STRESS_SECONDS, UG_STRESS_SEED; UG_PROCS and UG_POLLER as always
 *
 * A round makes a few channels and many actors: tasks in groups, detached tasks, plain threads. Each does random things
 * with random channels until its steps are used up. Each value is a number of its own. Its sender notes whether the
 * send succeeded; whoever receives it, or the channel's drop, counts it. At the end of the round each value that was
 * sent has been counted once, and each whose send failed never. A watchdog thread ends the program with a dump if no
 * actor makes a step for 30 s.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <undergo/undergo.h>

#define VALUES (1 << 18)
#define MOST_CHANNELS 8
#define MOST_CASES 8
#define MOST_CHILDREN 200
#define SCOPES 64

typedef UG_CHAN(uint64_t) value_chan;

enum { UNUSED, IN_FLIGHT, SENT, FAILED };

static uint64_t seed;
static uint8_t fate[VALUES], count[VALUES];
static uint32_t next_value;
static uint64_t steps, total_values, total_selects, total_cancels, total_rounds;

static void fail(const char *what, long long a, long long b)
{
	fprintf(stderr, "stress: %s (%lld, %lld); seed %llu, round %llu, procs %d, poller %s\n", what, a, b,
		(unsigned long long)seed, (unsigned long long)total_rounds, ug_procs(), getenv("UG_POLLER"));
	abort();
}

#define MUST(cond, a, b)                                                                                               \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			fail(#cond, (long long)(a), (long long)(b));                                                   \
	} while (0)

/* Randomness: one state an actor, derived from the seed and the actor's number. */
struct dice {
	uint64_t s;
};

static uint32_t roll(struct dice *d, uint32_t n)
{
	d->s ^= d->s << 13;
	d->s ^= d->s >> 7;
	d->s ^= d->s << 17;
	return (uint32_t)(d->s >> 20) % n;
}

static struct dice dice(uint64_t number)
{
	uint64_t s = seed + (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
	s = (s ^ s >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return (struct dice){(s ^ s >> 27) | 1};
}

/* A round ---------------------------------------------------------------------------------------------------------- */

struct round {
	value_chan ch[MOST_CHANNELS];
	uint32_t channels;
	int may_close;
	ug_fd *fd; /* readable now and then */
	int other_end;
	ug_waitgroup actors;
	ug_mutex mutex;
	ug_cond cond;
	ug_rwmutex rw;
	ug_sem sem;
	uint32_t numbers;
	uint32_t children; /* actors that actors have started, or wanted to */
	int64_t guarded, guarded_too;
};

struct actor {
	struct round *r;
	value_chan ch[MOST_CHANNELS]; /* references of its own */
	struct dice d;
	uint32_t n;
};

/* Scopes that may be cancelled by others; a scope is listed exactly while it is open. */
static pthread_mutex_t scopes_lock = PTHREAD_MUTEX_INITIALIZER;
static ug_ctx *scopes[SCOPES];

static int scope_list(ug_ctx *c, uint32_t slot)
{
	pthread_mutex_lock(&scopes_lock);
	int mine = !scopes[slot];
	if (mine)
		scopes[slot] = c;
	pthread_mutex_unlock(&scopes_lock);
	return mine;
}

static void scope_unlist(uint32_t slot)
{
	pthread_mutex_lock(&scopes_lock);
	scopes[slot] = NULL;
	pthread_mutex_unlock(&scopes_lock);
}

static void cancel_one(uint32_t slot)
{
	pthread_mutex_lock(&scopes_lock);
	if (scopes[slot] && ug_ctx_cancel(scopes[slot], 0))
		__atomic_fetch_add(&total_cancels, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&scopes_lock);
}

/* The ledger ------------------------------------------------------------------------------------------------------- */

static int take_value(uint64_t *v)
{
	uint32_t i = __atomic_fetch_add(&next_value, 1, __ATOMIC_RELAXED);
	if (i >= VALUES)
		return 0;
	*v = i;
	__atomic_store_n(&fate[i], IN_FLIGHT, __ATOMIC_RELAXED);
	return 1;
}

static void note_sent(uint64_t v, int e)
{
	MUST(e == 0 || e == -EPIPE || e == -ECANCELED || e == -ETIMEDOUT || e == -EAGAIN, e, v);
	__atomic_store_n(&fate[v], e == 0 ? SENT : FAILED, __ATOMIC_RELAXED);
}

static void note_received(uint64_t v)
{
	MUST(v < VALUES, v, 0);
	MUST(__atomic_fetch_add(&count[v], 1, __ATOMIC_RELAXED) == 0, v, 0);
}

static void drop(void *value)
{
	note_received(*(uint64_t *)value);
}

#define NONE UINT64_MAX

static void note_maybe(uint64_t v, int e)
{
	MUST((e == 0) == (v != NONE), e, v);
	MUST(e == 0 || e == -EPIPE || e == -ECANCELED || e == -ETIMEDOUT || e == -EAGAIN, e, v);
	if (e == 0)
		note_received(v);
}

/* What actors do --------------------------------------------------------------------------------------------------- */

static int actor_main(void *arg);

static value_chan any(struct actor *a)
{
	static const value_chan nil = UG_NIL;
	return roll(&a->d, 64) ? a->ch[roll(&a->d, a->n)] : nil;
}

static void do_send(struct actor *a)
{
	uint64_t v;
	if (take_value(&v))
		note_sent(v, roll(&a->d, 3) ? ug_send(any(a), &v) : ug_try_send(any(a), &v));
}

static void do_recv(struct actor *a)
{
	uint64_t v = NONE;
	int e = roll(&a->d, 3) ? ug_recv(any(a), &v) : ug_try_recv(any(a), &v);
	note_maybe(v, e);
}

static int end_soon(void *arg)
{
	for (uint32_t i = *(uint32_t *)arg; i; i--)
		ug_yield();
	return -77;
}

static void do_select(struct actor *a)
{
	struct ug_case c[MOST_CASES];
	uint64_t v[MOST_CASES];
	int sends[MOST_CASES] = {0}, n = 1 + (int)roll(&a->d, MOST_CASES), has_default = 0;
	ug_task *task = NULL;
	for (int i = 0; i < n; i++) {
		v[i] = NONE;
		switch (roll(&a->d, 16)) {
		case 0:
			c[i] = (struct ug_case)UG_AFTER(roll(&a->d, 300) * UG_US);
			break;
		case 1:
			if (!has_default && roll(&a->d, 2)) {
				has_default = 1;
				c[i] = (struct ug_case)UG_DEFAULT;
			} else {
				c[i] = (struct ug_case)UG_AT(ug_now() + roll(&a->d, 100) * UG_US);
			}
			break;
		case 2:
			c[i] = roll(&a->d, 2) ? (struct ug_case)UG_READABLE(a->r->fd)
					      : (struct ug_case)UG_WRITABLE(a->r->fd);
			break;
		case 3: {
			uint32_t yields = roll(&a->d, 20);
			struct ug_go_opts o = {.copy_size = sizeof yields};
			c[i] = (struct ug_case)UG_IGNORE;
			if (!task && ug_go_task(end_soon, &yields, &o, &task) == 0)
				c[i] = (struct ug_case)UG_ENDED(task);
			break;
		}
		case 4:
		case 5:
		case 6:
		case 7:
		case 8:
		case 9:
			if (take_value(&v[i])) {
				sends[i] = 1;
				c[i] = (struct ug_case)UG_SEND(any(a), &v[i]);
				break;
			}
			v[i] = NONE;
			/* fall through */
		default:
			c[i] = (struct ug_case)UG_RECV(any(a), &v[i]);
		}
	}
	int fired = ug_select(c, (size_t)n);
	MUST(fired >= 0 || fired == -ECANCELED || fired == -ETIMEDOUT, fired, n);
	for (int i = 0; i < n; i++) {
		if (sends[i])
			note_sent(v[i], i == fired ? c[i].result : -EAGAIN);
		else
			note_maybe(v[i], i == fired && c[i].op_ == UG__CASE_RECV ? c[i].result : -EAGAIN);
		if (i == fired && c[i].op_ == UG__CASE_TASK)
			MUST(c[i].result == -77, c[i].result, i);
	}
	ug_task_unref(task);
	__atomic_fetch_add(&total_selects, 1, __ATOMIC_RELAXED);
}

static int touch(void *arg)
{
	uint32_t *n = arg;
	for (volatile uint32_t i = 0; i < *n; i++)
		;
	return (int)*n;
}

static void do_locks(struct actor *a)
{
	struct round *r = a->r;
	int64_t n = 1 + roll(&a->d, 4);
	switch (roll(&a->d, 5)) {
	case 0:
		if (ug_mutex_lock(&r->mutex) == 0) {
			r->guarded++;
			if (roll(&a->d, 8) == 0)
				ug_yield();
			r->guarded_too++;
			MUST(r->guarded == r->guarded_too, r->guarded, r->guarded_too);
			MUST(ug_mutex_unlock(&r->mutex) == 0, 0, 0);
		}
		break;
	case 1:
		if (ug_mutex_lock(&r->mutex) == 0) {
			UG_WITH_TIMEOUT(roll(&a->d, 200) * UG_US)
				(void)!ug_cond_wait(&r->cond, &r->mutex);
			MUST(r->guarded == r->guarded_too, r->guarded, r->guarded_too);
			MUST(ug_mutex_unlock(&r->mutex) == 0, 0, 0);
		}
		break;
	case 2:
		if (roll(&a->d, 4))
			ug_cond_signal(&r->cond);
		else
			ug_cond_broadcast(&r->cond);
		break;
	case 3:
		if (roll(&a->d, 4) == 0) {
			if (ug_rwmutex_lock(&r->rw) == 0)
				MUST(ug_rwmutex_unlock(&r->rw) == 0, 0, 0);
		} else if (ug_rwmutex_rlock(&r->rw) == 0) {
			ug_yield();
			MUST(ug_rwmutex_runlock(&r->rw) == 0, 0, 0);
		}
		break;
	default:
		if (ug_sem_acquire(&r->sem, n) == 0) {
			ug_yield();
			MUST(ug_sem_release(&r->sem, n) == 0, n, 0);
		}
	}
}

static struct actor *new_actor(struct round *r, value_chan *from)
{
	struct actor *a = calloc(1, sizeof *a);
	MUST(a, 0, 0);
	a->r = r;
	a->n = r->channels;
	a->d = dice(total_rounds * 100000 + __atomic_fetch_add(&r->numbers, 1, __ATOMIC_RELAXED));
	for (uint32_t i = 0; i < a->n; i++) {
		a->ch[i] = from[i];
		ug_chan_ref(&a->ch[i]);
	}
	MUST(ug_waitgroup_add(&r->actors, 1) == 0, 0, 0);
	return a;
}

static void end_actor(struct actor *a)
{
	struct round *r = a->r;
	/* References go while others still wait on the channels: each of those has one of its own. */
	for (uint32_t i = 0; i < a->n; i++)
		MUST(ug_chan_unref(&a->ch[i]) == 0, i, 0);
	free(a);
	MUST(ug_waitgroup_done(&r->actors) == 0, 0, 0);
}

/* Another one, if the round has not had enough. */
static struct actor *new_child(struct actor *a)
{
	if (__atomic_fetch_add(&a->r->children, 1, __ATOMIC_RELAXED) < MOST_CHILDREN)
		return new_actor(a->r, a->ch);
	return NULL;
}

static void do_group(struct actor *a)
{
	struct ug_group_opts o = {.limit = roll(&a->d, 2) ? 1 + roll(&a->d, 3) : 0};
	ug_group g;
	UG_GROUP_WITH(&g, &o) {
		uint32_t slot = roll(&a->d, SCOPES);
		int listed = scope_list(&g.ctx_, slot);
		for (uint32_t i = 1 + roll(&a->d, 4); i; i--) {
			struct actor *child = new_child(a);
			if (child && ug_group_go(&g, actor_main, child) < 0)
				end_actor(child);
		}
		if (roll(&a->d, 4) == 0)
			ug_group_cancel(&g, 0);
		if (listed)
			scope_unlist(slot);
	}
}

static void step(struct actor *a)
{
	struct round *r = a->r;
	uint32_t n;
	switch (roll(&a->d, 24)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		do_send(a);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
		do_recv(a);
		break;
	case 10:
	case 11:
	case 12:
	case 13:
	case 14:
		do_select(a);
		break;
	case 15:
	case 16:
		do_locks(a);
		break;
	case 17:
		do_group(a);
		break;
	case 18: {
		struct actor *child = new_child(a);
		if (child && ug_go(actor_main, child) < 0)
			end_actor(child);
		break;
	}
	case 19:
		cancel_one(roll(&a->d, SCOPES));
		break;
	case 20:
		(void)!ug_sleep(roll(&a->d, 100) * UG_US);
		break;
	case 21:
		n = roll(&a->d, 2000);
		if (roll(&a->d, 2))
			touch(&n);
		else
			ug_blocking(touch, &n);
		break;
	case 22:
		if (roll(&a->d, 2))
			(void)!send(r->other_end, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			(void)!recv(ug_fd_number(r->fd), &n, 1, MSG_DONTWAIT);
		break;
	default:
		if (r->may_close && roll(&a->d, 20) == 0)
			ug_close(a->ch[roll(&a->d, a->n)]);
		else
			ug_yield();
	}
}

/* One wait in three may be ended by others, each by its time at the latest: so a round ends by itself. */
static void step_in_scope(struct actor *a)
{
	ug_ctx c;
	uint32_t slot = roll(&a->d, SCOPES);
	ug_ctx_push_timeout(&c, (1 + roll(&a->d, 2000)) * UG_US);
	int listed = roll(&a->d, 3) == 0 && scope_list(&c, slot);
	step(a);
	if (listed)
		scope_unlist(slot);
	ug_ctx_pop(&c);
	__atomic_fetch_add(&steps, 1, __ATOMIC_RELAXED);
}

static int actor_main(void *arg)
{
	struct actor *a = arg;
	for (uint32_t i = 5 + roll(&a->d, 60); i; i--)
		step_in_scope(a);
	int e = roll(&a->d, 16) ? 0 : -1;
	end_actor(a);
	return e;
}

static void *actor_thread(void *arg)
{
	actor_main(arg);
	return NULL;
}

static int join(void *thread)
{
	return pthread_join(*(pthread_t *)thread, NULL);
}

/* All actors are done and all references but ours are gone. */
static void audit(struct round *r)
{
	uint32_t used = next_value < VALUES ? next_value : VALUES;
	for (uint32_t i = 0; i < r->channels; i++)
		MUST(ug_chan_unref(&r->ch[i]) == 0, i, 0);
	for (uint32_t i = 0; i < used; i++) {
		MUST(fate[i] == SENT || fate[i] == FAILED, i, fate[i]);
		MUST(count[i] == (fate[i] == SENT), i, count[i]);
	}
	for (uint32_t i = 0; i < SCOPES; i++)
		MUST(!scopes[i], i, 0);
	MUST(ug_mutex_try_lock(&r->mutex) == 0, 0, 0);
	MUST(ug_rwmutex_try_lock(&r->rw) == 0, 0, 0);
	MUST(ug_sem_try_acquire(&r->sem, 4) == 0, 0, 0);
	MUST(r->guarded == r->guarded_too, r->guarded, r->guarded_too);
	total_values += used;
	memset(fate, UNUSED, used);
	memset(count, 0, used);
	next_value = 0;
}

static void play_round(void)
{
	struct round r = {.children = 0};
	struct ug_chan_opts opts = {.drop = drop};
	struct dice d = dice(total_rounds << 32);
	pthread_t threads[3];
	int pair[2];
	uint32_t plain = roll(&d, 4), tasks = 4 + roll(&d, 40);
	r.channels = 1 + roll(&d, MOST_CHANNELS);
	r.may_close = roll(&d, 2) != 0;
	ug_sem_init(&r.sem, 4);
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0, errno, 0);
	MUST(ug_fd_adopt(pair[0], UG_FD_NONBLOCK, &r.fd) == 0, 0, 0);
	r.other_end = pair[1];
	for (uint32_t i = 0; i < r.channels; i++)
		MUST(ug_chan_new_with(&r.ch[i], roll(&d, 3) ? roll(&d, 6) : 0, &opts) == 0, 0, 0);
	for (uint32_t i = 0; i < plain; i++) {
		struct actor *a = new_actor(&r, r.ch);
		MUST(pthread_create(&threads[i], NULL, actor_thread, a) == 0, 0, 0);
	}
	for (uint32_t i = 0; i < tasks; i++)
		MUST(ug_go(actor_main, new_actor(&r, r.ch)) == 0, 0, 0);
	MUST(ug_waitgroup_wait(&r.actors) == 0, 0, 0);
	for (uint32_t i = 0; i < plain; i++)
		MUST(ug_blocking(join, &threads[i]) == 0, 0, 0);
	audit(&r);
	ug_fd_close(r.fd);
	close(pair[1]);
	total_rounds++;
}

static int64_t seconds = 2;

static int play(void *unused)
{
	(void)unused;
	int64_t end = ug_now() + seconds * UG_SECOND;
	do
		play_round();
	while (ug_now() < end);
	return 0;
}

static uint32_t over;

static void *watchdog(void *unused)
{
	(void)unused;
	uint64_t seen = 0;
	for (int still = 0; !__atomic_load_n(&over, __ATOMIC_ACQUIRE); still++) {
		uint64_t now = __atomic_load_n(&steps, __ATOMIC_RELAXED);
		if (now != seen)
			still = 0;
		seen = now;
		if (still == 300) {
			fprintf(stderr, "stress: no step for 30 s; all tasks:\n");
			ug_dump(2);
			fail("hang", (long long)now, 0);
		}
		usleep(100000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *s = argc > 1 ? argv[1] : getenv("UG_STRESS_SECONDS");
	const char *from = argc > 2 ? argv[2] : getenv("UG_STRESS_SEED");
	pthread_t dog;
	if (s)
		seconds = atoll(s);
	seed = from ? strtoull(from, NULL, 0) : (uint64_t)ug_now() ^ (uint64_t)getpid() << 40;
	printf("stress: seed %llu, %lld s\n", (unsigned long long)seed, (long long)seconds);
	fflush(stdout);
	if (pthread_create(&dog, NULL, watchdog, NULL))
		return 1;
	int e = ug_run(play, NULL, NULL);
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	pthread_join(dog, NULL);
	printf("stress: %llu rounds, %llu steps, %llu values, %llu selects, %llu cancels: %s\n",
		(unsigned long long)total_rounds, (unsigned long long)steps, (unsigned long long)total_values,
		(unsigned long long)total_selects, (unsigned long long)total_cancels, e ? ug_strerror(e) : "ok");
	return e != 0;
}
