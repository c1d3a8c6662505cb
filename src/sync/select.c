/* SPDX-License-Identifier: MIT */
/*
 * Select. Three steps, each only where the one before found nothing:
 *
 * 1. survey: one look at each case without a lock. Of those that look ready one is chosen with equal chances
 * (reservoir: the k-th
 *    takes the place with chance 1/k) and tried under its own channel's lock. Most selects end here.
 * 2. With all channels' locks held, taken in the order of their addresses: the same choice again, among exact answers.
 * Where
 *    nothing is ready a default fires; where there is none, the wait is armed and every case's waiter (it lies in the
 *    caller's case) is queued, then the locks are dropped.
 * 3. Park. The winner of the wake has done the case's transfer and written its result. Every queue but the one that the
 *    winner took the waiter from is locked and the waiter taken out, before the caller gets its cases back.
 *
 * Why it is right.
 *  - Exactly one case is done. As the active side (1, 2) a select is not armed, nobody can win it, and it does one
 *  transfer.
 *    As the passive side (3) the task's wait has one winner, who does one transfer.
 *  - Nobody commits on behalf of two. A transfer needs one active side, which runs, and one waiter, which it wins. An
 *  active
 *    side has no waiter queued anywhere: it looks (2) before it queues, and queues under the same hold of the locks. So
 *    when two selects face each other on two channels, in whatever order, the one that gets the first lock either finds
 *    the other queued on both, wins it and is done; or finds it queued on neither, and queues itself on both. There is
 *    no half of it. A select with a send and a receive on one channel does not meet itself for the same reason.
 *  - Nothing is missed: between the exact look and the queueing no lock is dropped. Sources that are no channels
 *  (timers,
 *    descriptors, tasks) are begun after the arming, and tell when they are ready already; then the select takes its
 *    wait back (ug__wait_disarm), or, where a channel's peer was quicker, loses to it as it would while parked.
 *  - No deadlock: locks are held together only here, in one global order, each once though it may stand in several
 *  cases;
 *    no channel's lock is taken inside a source's lock.
 *  - "Would not wait" is a moment, not an impression: with one channel the survey's no is such a moment (chan_priv.h);
 *    with more, default fires only after step 2.
 *
 * Rejected: locking one channel at a time while armed. The active side would have to win its own word before its
 * peer's, and where it then lost the peer, begin anew, as its waiters may have been dropped as stale meanwhile: two
 * selects that face each other could do that for ever. The locks are as many, and what is saved is the order: sorting a
 * few cases.
 */
#include "base/sys.h"
#include "sync/chan_priv.h"

#define MOST_CASES 65535
#define PENDING INT32_MIN /* the result_ of a waiter that nobody has won; no task's result and no error code */

struct alarm {
	struct ug__timer timer; /* first: fire gets its address */
	struct ug__task *task;
	int rang;
};

/* One of those offered, each with the same chance. */
struct pick {
	uint32_t of;
	int index;
};

struct selection {
	struct ug__task *task;
	struct ug_case *cases;
	int n;
	int channels; /* so many cases have a channel; their indices, in lock order, lie in cases[0...].wait_.index_ */
	int fallback; /* the default's index, or -1 */
	int others; /* is there a descriptor or a task? */
	struct pick ready; /* of what is no channel: what was ready at the survey */
	struct pick first; /* the timed cases that are due first, and when */
	int64_t due;
};

static void offer(struct pick *p, int index)
{
	if (p->of++ == 0 || ug__random() % p->of == 0)
		p->index = index;
}

/* The case at a place of the lock order, and its channel. */
static struct ug_case *case_at(const struct selection *s, int place)
{
	return &s->cases[s->cases[place].wait_.index_];
}

static ug_chan *channel_at(const struct selection *s, int place)
{
	return case_at(s, place)->object_;
}

static int is_channel(const struct ug_case *c)
{
	return c->op_ == UG__CASE_SEND || c->op_ == UG__CASE_RECV;
}

static int is_source(const struct ug_case *c)
{
	return c->op_ == UG__CASE_READABLE || c->op_ == UG__CASE_WRITABLE || c->op_ == UG__CASE_TASK;
}

static int may_go(const struct ug_case *c)
{
	return c->op_ == UG__CASE_SEND ? chan_may_send(c->object_) : chan_may_recv(c->object_);
}

/* Does a channel's case, whose lock is held, if it can: 1. */
static int go(struct ug_case *c, struct ug__waiter **peer)
{
	int e = c->op_ == UG__CASE_SEND ? chan_send_locked(c->object_, c->value_, peer)
					: chan_recv_locked(c->object_, c->value_, peer);
	if (e == -EAGAIN)
		return 0;
	c->result = e;
	return 1;
}

static void prepare(struct selection *s, struct ug_case *c)
{
	c->wait_.task_ = s->task;
	c->wait_.value_ = c->value_;
	c->wait_.queued_ = 0;
	c->wait_.result_ = PENDING;
}

/* Sources: descriptors and tasks ---------------------------------------------------------------------------------- */

/* 1: ready now, its result is in the waiter; 0: queued. */
static int source_begin(struct selection *s, struct ug_case *c)
{
	int result = 0, e;
	prepare(s, c);
	if (c->op_ == UG__CASE_TASK)
		e = ug__task_wait_begin(c->object_, &c->wait_, &result);
	else
		e = ug__fd_wait_begin(c->object_, c->op_ == UG__CASE_WRITABLE, &c->wait_);
	if (e == 0)
		return 0;
	c->wait_.result_ = e < 0 ? e : result;
	return 1;
}

static void source_end(struct ug_case *c)
{
	if (c->op_ == UG__CASE_TASK)
		ug__task_wait_end(c->object_, &c->wait_);
	else
		ug__fd_wait_end(c->object_, c->op_ == UG__CASE_WRITABLE, &c->wait_);
}

/* Step 1 ---------------------------------------------------------------------------------------------------------- */

static void survey_time(struct selection *s, int i, int64_t now)
{
	struct ug_case *c = &s->cases[i];
	int64_t when = c->op_ == UG__CASE_AT ? c->time_ : c->time_ > 0 ? ug_time_add(now, c->time_) : now;
	if (when <= now) {
		offer(&s->ready, i);
	} else if (when < s->due) {
		s->due = when;
		s->first = (struct pick){1, i};
	} else if (when == s->due && when != UG_FOREVER) {
		offer(&s->first, i);
	}
}

/* Looks at every case: what might go on at once is offered to *p. 0 or -EINVAL. */
static int survey(struct selection *s, struct pick *p)
{
	int64_t now = 0;
	for (int i = 0; i < s->n; i++) {
		struct ug_case *c = &s->cases[i];
		switch (c->op_) {
		case UG__CASE_NONE:
			break;
		case UG__CASE_SEND:
		case UG__CASE_RECV:
			if (!c->object_)
				break;
			if (!c->value_)
				return -EINVAL;
			s->cases[s->channels++].wait_.index_ = i;
			if (may_go(c))
				offer(p, i);
			break;
		case UG__CASE_AFTER:
		case UG__CASE_AT:
			if (!now)
				now = ug_now();
			survey_time(s, i, now);
			break;
		case UG__CASE_DEFAULT:
			if (s->fallback >= 0)
				return -EINVAL;
			s->fallback = i;
			break;
		case UG__CASE_READABLE:
		case UG__CASE_WRITABLE:
		case UG__CASE_TASK:
			if (!c->object_)
				return -EINVAL;
			s->others = 1;
			if (source_begin(s, c))
				offer(&s->ready, i);
			else
				source_end(c);
			break;
		default:
			return -EINVAL;
		}
	}
	return 0;
}

/* What is no channel was offered apart, so that step 2 can begin with it; here the two draw for it. */
static int draw(const struct pick *channels, const struct pick *others)
{
	if (others->of == 0)
		return channels->of ? channels->index : -1;
	return ug__random() % (channels->of + others->of) < channels->of ? channels->index : others->index;
}

/* A case fires whose result is known already: its waiter holds it, or it is a time or a default. */
static int fire(struct selection *s, int i)
{
	struct ug_case *c = &s->cases[i];
	c->result = is_channel(c) || is_source(c) ? c->wait_.result_ : 0;
	return i;
}

static int try_one(struct ug_case *c)
{
	ug_chan *ch = c->object_;
	struct ug__waiter *peer = NULL;
	struct ug__owner *owned = chan_lock(ch);
	int done = go(c, &peer);
	chan_unlock(ch, owned);
	if (peer)
		ug__ready(peer->task_);
	return done;
}

/* Step 2 ---------------------------------------------------------------------------------------------------------- */

/* Shell's sort, in place: for the usual few cases it is a plain insertion. */
static void sort_by_address(struct selection *s)
{
	int gap = 1;
	while (gap < s->channels / 3)
		gap = gap * 3 + 1;
	for (; gap > 0; gap /= 3)
		for (int i = gap; i < s->channels; i++) {
			int index = s->cases[i].wait_.index_, j = i;
			uintptr_t address = (uintptr_t)s->cases[index].object_;
			for (; j >= gap && (uintptr_t)channel_at(s, j - gap) > address; j -= gap)
				s->cases[j].wait_.index_ = s->cases[j - gap].wait_.index_;
			s->cases[j].wait_.index_ = index;
		}
}

/* The place after the last case of the same channel. */
static int run_end(const struct selection *s, int place)
{
	ug_chan *ch = channel_at(s, place);
	while (++place < s->channels && channel_at(s, place) == ch)
		;
	return place;
}

static void lock_all(const struct selection *s)
{
	for (int k = 0; k < s->channels; k = run_end(s, k))
		chan_lock(channel_at(s, k));
}

static void unlock_all(const struct selection *s)
{
	for (int k = s->channels - 1; k >= 0; k--) /* the other way round: biased.h */
		if (k == 0 || channel_at(s, k - 1) != channel_at(s, k))
			ug__biased_drop(&channel_at(s, k)->lock);
}

/* All locks are held: does one that is ready, answers its index, or -1. Each failed try has emptied a queue of stale
 * waiters. */
static int choose_locked(struct selection *s, struct ug__waiter **peer)
{
	for (;;) {
		struct pick p = {0, 0};
		for (int k = 0; k < s->channels; k++) {
			if (may_go(case_at(s, k)))
				offer(&p, s->cases[k].wait_.index_);
		}
		int i = draw(&p, &s->ready);
		if (i < 0)
			return s->fallback >= 0 ? fire(s, s->fallback) : -1;
		if (!is_channel(&s->cases[i]))
			return fire(s, i);
		if (go(&s->cases[i], peer))
			return i;
	}
}

static void queue_all(struct selection *s)
{
	for (int k = 0; k < s->channels; k++) {
		struct ug_case *c = case_at(s, k);
		ug_chan *ch = c->object_;
		prepare(s, c);
		ug__waitq_push(c->op_ == UG__CASE_SEND ? &ch->senders : &ch->receivers, &c->wait_);
	}
}

/* Step 3 ---------------------------------------------------------------------------------------------------------- */

static void ring(struct ug__timer *timer)
{
	struct alarm *a = (struct alarm *)timer;
	if (ug__wake_win(a->task)) {
		a->rang = 1;
		ug__ready(a->task);
	}
}

/* Takes every waiter out of the channels' queues; answers the case whose waiter was won, or -1. */
static int leave_channels(struct selection *s)
{
	int won = -1;
	for (int k = 0, end; k < s->channels; k = end) {
		ug_chan *ch = channel_at(s, k);
		end = run_end(s, k);
		if (end - k == 1 && case_at(s, k)->wait_.result_ != PENDING) {
			won = s->cases[k].wait_.index_; /* its winner has been here */
			continue;
		}
		struct ug__owner *owned = chan_lock(ch);
		for (int j = k; j < end; j++) {
			struct ug_case *c = case_at(s, j);
			if (c->wait_.result_ != PENDING)
				won = s->cases[j].wait_.index_;
			ug__waitq_remove(c->op_ == UG__CASE_SEND ? &ch->senders : &ch->receivers, &c->wait_);
		}
		chan_unlock(ch, owned);
	}
	return won;
}

/*
 * Begins the sources of an armed select. The index of one that is ready already and for which the select has taken its
 * wait back; -1: the wake will come, or has.
 */
static int begin_sources(struct selection *s, int *begun)
{
	for (; *begun < s->n; ++*begun) {
		struct ug_case *c = &s->cases[*begun];
		if (!is_source(c) || !source_begin(s, c))
			continue;
		if (ug__wait_disarm(s->task))
			return *begun;
		break;
	}
	return -1;
}

/* Takes the begun sources' waiters back; answers the case whose waiter was won, or -1. */
static int leave_sources(struct selection *s, int begun)
{
	int won = -1;
	for (int i = 0; i < begun; i++)
		if (is_source(&s->cases[i])) {
			source_end(&s->cases[i]);
			if (s->cases[i].wait_.result_ != PENDING)
				won = i;
		}
	return won;
}

/* Armed and queued: waits, leaves every queue, and answers the case that fired. */
static int wait_for_one(struct selection *s)
{
	struct alarm alarm = {.task = s->task};
	int e = 0, begun = 0, ready = s->others ? begin_sources(s, &begun) : -1;
	if (ready < 0) {
		if (s->due != UG_FOREVER)
			ug__timer_arm(&alarm.timer, s->due, ring);
		e = ug__park(s->task);
		if (s->due != UG_FOREVER)
			ug__timer_stop(&alarm.timer);
	}
	int channel = leave_channels(s), source = s->others ? leave_sources(s, begun) : -1;
	if (e < 0)
		return e;
	if (alarm.rang)
		ready = s->first.index;
	int fired = ready >= 0 ? ready : channel >= 0 ? channel : source;
	ug__check(fired >= 0);
	return fire(s, fired);
}

static UG__NOINLINE int select_slow(struct selection *s)
{
	struct ug__waiter *peer = NULL;
	sort_by_address(s);
	lock_all(s);
	int i = choose_locked(s, &peer);
	if (i < 0) {
		int never = !s->channels && !s->others && s->due == UG_FOREVER;
		ug__wait_arm(s->task, never ? UG__WAIT_FOREVER : UG__WAIT_SELECT, s->cases);
		queue_all(s);
	}
	unlock_all(s);
	if (peer)
		ug__ready(peer->task_);
	return i >= 0 ? i : wait_for_one(s);
}

int ug_select(struct ug_case *cases, size_t n)
{
	struct selection s = {.task = ug__wait_self(), .cases = cases, .n = (int)n, .fallback = -1, .due = UG_FOREVER};
	struct pick channels = {0, 0};
	int e = ug__wait_check(s.task);
	if (unlikely(e < 0))
		return e;
	if (n > MOST_CASES)
		return -EINVAL;
	e = survey(&s, &channels);
	if (e < 0)
		return e;
	int i = draw(&channels, &s.ready);
	if (i >= 0) {
		if (!is_channel(&cases[i]))
			return fire(&s, i);
		if (try_one(&cases[i]))
			return i;
	} else if (s.fallback >= 0 && s.channels <= 1) {
		return fire(&s, s.fallback);
	}
	return select_slow(&s);
}
