/* SPDX-License-Identifier: MIT */
/*
 * Channels: a lock, a ring, and two queues of those who wait (chan_priv.h has the invariants).
 *
 * Whoever comes second does the work: a sender that finds a receiver waiting copies straight into that one's variable,
 * and a receiver that finds a sender waiting copies out of it, so that a value is copied once and the second never
 * waits. The copy is made by the winner of the other's wake, before ug__ready: so an error of the context, which is the
 * loss of that same wake, means that no value has moved.
 *
 * The lock costs no locked instruction where one worker uses the channel for a while (base/biased.h).
 *
 * Rejected: a lock-free ring of sequence-numbered slots. It needs its locked instruction always; whoever adds a value
 * must then look for sleepers behind a full barrier, which is another; close and select would have to live with values
 * in flight.
 */
#include "sync/chan_priv.h"

#include <stdlib.h>

int ug_chan_make(ug_chan **out, size_t value_size, size_t capacity, const struct ug_chan_opts *opts)
{
	size_t ring_size, room;
	if (!out || __builtin_mul_overflow(value_size, capacity, &ring_size) || capacity > PTRDIFF_MAX ||
		ring_size > PTRDIFF_MAX - 2 * CACHE_LINE - sizeof(ug_chan))
		return -EINVAL;
	room = (sizeof(ug_chan) + ring_size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	ug_chan *c = aligned_alloc(CACHE_LINE, room);
	if (!c)
		return -ENOMEM;
	*c = (ug_chan){
		.capacity = capacity,
		.size = value_size,
		.ring_size = ring_size,
		.ring = (unsigned char *)(c + 1),
		.refs = 1,
		.drop = opts ? opts->drop : NULL,
	};
	*out = c;
	return 0;
}

int ug_chan_ref(void *typed)
{
	ug_chan *c = *(ug_chan **)typed;
	if (c)
		add_relaxed(&c->refs, 1);
	return 0;
}

/* The last reference is being dropped, so nobody else may call; but somebody may still be in a call, waiting. */
static int destroy(ug_chan *c)
{
	struct ug__owner *owned = chan_lock(c);
	int busy = c->receivers.head_ || c->senders.head_;
	chan_unlock(c, owned);
	if (busy)
		return -EBUSY;
	if (c->drop)
		for (; c->count; c->count--) {
			void *value = c->ring + c->head;
			c->head += c->size;
			if (c->head == c->ring_size)
				c->head = 0;
			c->drop(value);
		}
	free(c);
	return 0;
}

int ug_chan_unref(void *typed)
{
	ug_chan *c = typed ? *(ug_chan **)typed : NULL;
	if (!c)
		return 0;
	uint32_t refs = load_acquire(&c->refs);
	do {
		if (refs == 1) {
			int e = destroy(c);
			if (e < 0)
				return e;
			break;
		}
	} while (!cas_acq_rel(&c->refs, &refs, refs - 1));
	*(ug_chan **)typed = NULL;
	return 0;
}

/* A channel that is none: only the context's end can come. */
static UG__NOINLINE int wait_for_end(struct ug__task *t)
{
	ug__wait_arm(t, UG__WAIT_FOREVER, NULL);
	return ug__park(t);
}

/* How a send and a receive begin: 0 with the lock held, or the code with which they fail. */
static inline int begin(ug_chan *c, struct ug__task *t, const void *value, struct ug__owner **owned)
{
	int e = ug__wait_check(t);
	if (unlikely(e < 0))
		return e;
	if (unlikely(!c))
		return wait_for_end(t);
	if (unlikely(!value))
		return -EINVAL;
	*owned = chan_lock(c);
	return 0;
}

static inline int finish(ug_chan *c, struct ug__owner *owned, struct ug__waiter *peer, int e)
{
	chan_unlock(c, owned);
	if (peer)
		ug__ready(peer->task_);
	return e;
}

/*
 * The common way of a transfer is into the ring, or out of it, where nobody waits: nothing is called there but in the
 * end, so that it needs no frame. What is not common starts anew from what has been done by then: nothing, the lock
 * tried, the lock taken.
 */
static UG__NOINLINE int send_rest(ug_chan *c, const void *value, struct ug__owner *owned)
{
	struct ug__waiter *peer = NULL;
	int e = chan_send_locked(c, value, &peer);
	return e == -EAGAIN ? ug__wait_in(&c->lock, &c->bias, owned, &c->senders, value, UG__WAIT_SEND)
			    : finish(c, owned, peer, e);
}

static UG__NOINLINE int send_turn(ug_chan *c, const void *value, int got)
{
	ug__biased_lock_rest(&c->lock, &c->bias, got);
	return send_rest(c, value, NULL);
}

static UG__NOINLINE int send_slow(ug_chan *c, const void *value)
{
	struct ug__task *t = ug__wait_self();
	struct ug__owner *owned = NULL;
	int e = begin(c, t, value, &owned);
	return e < 0 ? e : send_rest(c, value, owned);
}

int ug_chan_send(ug_chan *c, const void *value)
{
	const struct ug__worker_head *w = ug__at_work();
	struct ug__owner *owned;
	if (unlikely(!w || !ug__wait_clear(w->cur) || !c || !value))
		return send_slow(c, value);
	int got = ug__biased_try(&c->lock, &c->bias, &owned);
	if (unlikely(got != UG__BIASED_LOCKED))
		return send_turn(c, value, got);
	if (c->closed || c->receivers.head_ || c->count == c->capacity ||
		!small_value_copy(c->ring + c->tail, value, c->size))
		return send_rest(c, value, owned);
	c->tail = ring_after(c, c->tail);
	store_relaxed(&c->count, c->count + 1);
	chan_unlock(c, owned);
	return 0;
}

static UG__NOINLINE int recv_rest(ug_chan *c, void *value, struct ug__owner *owned)
{
	struct ug__waiter *peer = NULL;
	int e = chan_recv_locked(c, value, &peer);
	return e == -EAGAIN ? ug__wait_in(&c->lock, &c->bias, owned, &c->receivers, value, UG__WAIT_RECV)
			    : finish(c, owned, peer, e);
}

static UG__NOINLINE int recv_turn(ug_chan *c, void *value, int got)
{
	ug__biased_lock_rest(&c->lock, &c->bias, got);
	return recv_rest(c, value, NULL);
}

static UG__NOINLINE int recv_slow(ug_chan *c, void *value)
{
	struct ug__task *t = ug__wait_self();
	struct ug__owner *owned = NULL;
	int e = begin(c, t, value, &owned);
	return e < 0 ? e : recv_rest(c, value, owned);
}

int ug_chan_recv(ug_chan *c, void *value)
{
	const struct ug__worker_head *w = ug__at_work();
	struct ug__owner *owned;
	if (unlikely(!w || !ug__wait_clear(w->cur) || !c || !value))
		return recv_slow(c, value);
	int got = ug__biased_try(&c->lock, &c->bias, &owned);
	if (unlikely(got != UG__BIASED_LOCKED))
		return recv_turn(c, value, got);
	if (!c->count || c->senders.head_ || !small_value_copy(value, c->ring + c->head, c->size))
		return recv_rest(c, value, owned);
	c->head = ring_after(c, c->head);
	store_relaxed(&c->count, c->count - 1);
	chan_unlock(c, owned);
	return 0;
}

int ug_chan_try_send(ug_chan *c, const void *value)
{
	struct ug__waiter *peer = NULL;
	if (unlikely(!value))
		return -EINVAL;
	if (!c || !chan_may_send(c))
		return -EAGAIN;
	struct ug__owner *owned = chan_lock(c);
	int e = chan_send_locked(c, value, &peer);
	return finish(c, owned, peer, e);
}

int ug_chan_try_recv(ug_chan *c, void *value)
{
	struct ug__waiter *peer = NULL;
	if (unlikely(!value))
		return -EINVAL;
	if (!c || !chan_may_recv(c))
		return -EAGAIN;
	struct ug__owner *owned = chan_lock(c);
	int e = chan_recv_locked(c, value, &peer);
	return finish(c, owned, peer, e);
}

int ug_chan_close(ug_chan *c)
{
	struct wakes woken;
	if (!c)
		return -EINVAL;
	wakes_init(&woken);
	struct ug__owner *owned = chan_lock(c);
	if (c->closed) {
		chan_unlock(c, owned);
		return -EPIPE;
	}
	store_relaxed(&c->closed, 1);
	wakes_add_all(&woken, &c->receivers, -EPIPE);
	wakes_add_all(&woken, &c->senders, -EPIPE);
	chan_unlock(c, owned);
	wakes_ready(&woken);
	return 0;
}

size_t ug_chan_len(const ug_chan *c)
{
	return c ? load_relaxed(&c->count) : 0;
}

size_t ug_chan_cap(const ug_chan *c)
{
	return c ? c->capacity : 0;
}
