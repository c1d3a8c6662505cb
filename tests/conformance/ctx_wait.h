/* SPDX-License-Identifier: MIT */
/*
 * Every call that waits, against the end of its context. For each kind of wait three cases:
 *
 *	KIND_ends_by_cancel      it waits; another actor cancels the scope: -ECANCELED, and no effect
 *	KIND_ends_by_deadline    it waits; the deadline comes: -ETIMEDOUT, not before its time, and no effect
 *	KIND_fails_on_entry      it need not wait, but the context has ended: -ETIMEDOUT, and no effect
 */
#ifndef CONFORMANCE_CTX_WAIT_H
#define CONFORMANCE_CTX_WAIT_H

#include "actor.h"

struct place {
	int_chan ch, other;
	ug_mutex mutex;
	ug_rwmutex rw;
	ug_cond cond;
	ug_once once;
	ug_waitgroup wg;
	ug_sem sem;
	ug_task *task;
	ug_fd *in, *out;
	struct actor helper;
	atomic_int ran, go_on;
	int value;
};

/* A kind of wait. `make` makes a place where it waits (`blocked`), or need not; `check` sees that the failed wait left
 * no trace there, and takes the place down. */
struct kind {
	void (*make)(struct place *p, int blocked);
	int (*wait)(struct place *p);
	void (*check)(struct place *p, int blocked);
};

struct waiter {
	struct actor actor;
	const struct kind *kind;
	struct place *place;
	ug_ctx *_Atomic scope;
	int64_t timeout;
	int result, cause;
};

static inline int wait_in_scope(void *arg)
{
	struct waiter *w = arg;
	ug_ctx c;
	if (w->timeout == UG_FOREVER)
		ug_ctx_push(&c);
	else
		ug_ctx_push_timeout(&c, w->timeout);
	atomic_store(&w->scope, &c);
	w->result = w->kind->wait(w->place);
	w->cause = ug_ctx_cause(NULL);
	ug_ctx_pop(&c);
	return 0;
}

static inline void ends_by_cancel(const struct kind *k)
{
	for (int round = 0; round < 3; round++) {
		struct place p;
		memset(&p, 0, sizeof p);
		k->make(&p, 1);
		struct waiter w = {.kind = k, .place = &p, .timeout = UG_FOREVER};
		start(&w.actor, wait_in_scope, &w);
		UNTIL(atomic_load(&w.scope) != NULL);
		if (round > 0)
			settle();
		CHECK_EQ(ug_ctx_cancel(atomic_load(&w.scope), -EIO), 1);
		join(&w.actor);
		CHECK_EQ(w.result, -ECANCELED);
		CHECK_EQ(w.cause, -EIO);
		k->check(&p, 1);
	}
}

static inline void ends_by_deadline(const struct kind *k)
{
	struct place p;
	memset(&p, 0, sizeof p);
	k->make(&p, 1);
	struct waiter w = {.kind = k, .place = &p, .timeout = 3 * UG_MS};
	int64_t begin = ug_now();
	start(&w.actor, wait_in_scope, &w);
	join(&w.actor);
	CHECK_EQ(w.result, -ETIMEDOUT);
	CHECK(ug_now() - begin >= 3 * UG_MS);
	k->check(&p, 1);
}

static inline void fails_on_entry(const struct kind *k)
{
	struct place p;
	memset(&p, 0, sizeof p);
	k->make(&p, 0);
	struct waiter w = {.kind = k, .place = &p, .timeout = 0};
	start(&w.actor, wait_in_scope, &w);
	join(&w.actor);
	CHECK_EQ(w.result, -ETIMEDOUT);
	k->check(&p, 0);
}

static inline void nothing_make(struct place *p, int blocked)
{
	(void)p;
	(void)blocked;
}

static inline void nothing_check(struct place *p, int blocked)
{
	(void)p;
	(void)blocked;
}

#define KIND(name, make, wait, check)                                                                                  \
	static const struct kind name##_kind = {make, wait, check};                                                    \
	static void name##_ends_by_cancel(void)                                                                        \
	{                                                                                                              \
		ends_by_cancel(&name##_kind);                                                                          \
	}                                                                                                              \
	static void name##_ends_by_deadline(void)                                                                      \
	{                                                                                                              \
		ends_by_deadline(&name##_kind);                                                                        \
	}                                                                                                              \
	static void name##_fails_on_entry(void)                                                                        \
	{                                                                                                              \
		fails_on_entry(&name##_kind);                                                                          \
	}

#define ALL_OF(name) ALL(name##_ends_by_cancel), ALL(name##_ends_by_deadline), ALL(name##_fails_on_entry)

#endif
