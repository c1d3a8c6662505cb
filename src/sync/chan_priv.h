/* SPDX-License-Identifier: MIT */
/*
 * A channel's record and the steps that need its lock, for chan.c and select.c.
 *
 * Invariants, whenever the lock is free, where "waits" means that the waiter can still be won:
 *  - a receiver waits only while the ring is empty, no sender waits, and the channel is open;
 *  - a sender waits only while the ring is full (always, at capacity 0), no receiver waits, and the channel is open;
 *  - count never dips or rises in between: a value handed past a full or empty ring leaves it as it is.
 * A waiter that can not be won any more (its select went elsewhere, its context ended) may be in either queue at any
 * time until its owner has taken it out; it is skipped by whoever meets it.
 *
 * The first cache line is what every transfer writes, the second what none does, the ring starts on a third. A thread
 * that spins for the lock so takes one line from its holder, not the values.
 */
#ifndef UG_SYNC_CHAN_PRIV_H
#define UG_SYNC_CHAN_PRIV_H

#include "base/biased.h"
#include "sync/sync_priv.h"
#include <string.h>

#define CACHE_LINE 64

struct ug_chan {
	struct ug__biased lock;
	size_t count; /* values in the ring */
	size_t head, tail; /* where the next is taken, and put: bytes from the ring's start */
	struct ug__waitq receivers, senders;

	size_t capacity, size, ring_size; /* values; bytes of one, of all */
	unsigned char *ring;
	struct ug__bias bias; /* of the lock */
	uint32_t closed;
	uint32_t refs;
	void (*drop)(void *value);
} __attribute__((aligned(CACHE_LINE)));

/* What the lock answers is for the unlock (base/biased.h). */
static inline struct ug__owner *chan_lock(ug_chan *c)
{
	return ug__biased_lock(&c->lock, &c->bias);
}

static inline void chan_unlock(ug_chan *c, struct ug__owner *owned)
{
	ug__biased_unlock(&c->lock, owned);
}

/* Sizes that are known become one or two moves, without a call; false: the size is another. */
static inline __attribute__((always_inline)) bool small_value_copy(void *to, const void *from, size_t size)
{
	if (size == 8)
		memcpy(to, from, 8);
	else if (size == 4)
		memcpy(to, from, 4);
	else if (size == 16)
		memcpy(to, from, 16);
	else
		return false;
	return true;
}

static inline void value_copy(void *to, const void *from, size_t size)
{
	if (!small_value_copy(to, from, size))
		memcpy(to, from, size);
}

/* The byte in the ring after the value at `at`. */
static inline size_t ring_after(const ug_chan *c, size_t at)
{
	at += c->size;
	return at == c->ring_size ? 0 : at;
}

static inline void ring_put(ug_chan *c, const void *value)
{
	value_copy(c->ring + c->tail, value, c->size);
	c->tail = ring_after(c, c->tail);
}

static inline void ring_take(ug_chan *c, void *value)
{
	value_copy(value, c->ring + c->head, c->size);
	c->head = ring_after(c, c->head);
}

/*
 * Could a send (a receive) go on? Without the lock: yes is a hint; no says that there was a moment during the call when
 * it could not. That is why `closed` is read last: it never goes back, so where it is still 0 the channel was open at
 * the moment at which the ring and the queue said no. (With a ring, `count` alone is that moment; without, the queue.)
 */
static inline int chan_may_send(const ug_chan *c)
{
	return load_acquire(&c->count) < c->capacity || load_acquire(&c->receivers.head_) || load_relaxed(&c->closed);
}

static inline int chan_may_recv(const ug_chan *c)
{
	return load_acquire(&c->count) || load_acquire(&c->senders.head_) || load_relaxed(&c->closed);
}

/* With the lock held: 0, -EPIPE, or -EAGAIN where it must wait. *peer is to be made ready once the lock is dropped. */
static inline __attribute__((always_inline)) int chan_send_locked(
	ug_chan *c, const void *value, struct ug__waiter **peer)
{
	if (unlikely(c->closed))
		return -EPIPE;
	if (c->receivers.head_) {
		struct ug__waiter *w = ug__waitq_win(&c->receivers);
		if (w) {
			value_copy(w->value_, value, c->size);
			w->result_ = 0;
			*peer = w;
			return 0;
		}
	}
	if (c->count == c->capacity)
		return -EAGAIN;
	ring_put(c, value);
	store_relaxed(&c->count, c->count + 1);
	return 0;
}

static inline __attribute__((always_inline)) int chan_recv_locked(ug_chan *c, void *value, struct ug__waiter **peer)
{
	struct ug__waiter *w = NULL;
	if (c->count) {
		ring_take(c, value);
		if (c->senders.head_ && (w = ug__waitq_win(&c->senders)))
			ring_put(c, w->value_);
		else
			store_relaxed(&c->count, c->count - 1);
	} else if (c->senders.head_ && (w = ug__waitq_win(&c->senders))) {
		value_copy(value, w->value_, c->size);
	} else {
		return c->closed ? -EPIPE : -EAGAIN;
	}
	if (w) {
		w->result_ = 0;
		*peer = w;
	}
	return 0;
}

#endif
