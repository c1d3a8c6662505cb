/* SPDX-License-Identifier: MIT */
/* The second half of the cases: locks and contexts. */
#include "cases.h"

/* Locks ---------------------------------------------------------------------------------------------------------- */

struct shared {
	ug_mutex m;
	ug_rwmutex rw;
	ug_cond c;
	ug_once once;
	int n, waiting, order[4];
	atomic_int runs;
	int_chan done;
};

static int count_hundred(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 100; i++) {
		UG_TRY(ug_mutex_lock(&s->m));
		s->n++;
		UG_TRY(ug_mutex_unlock(&s->m));
	}
	return 0;
}

static void mutex_counts(void)
{
	struct shared s = {.n = 0};
	ug_group g;
	UG_GROUP(&g)
		for (int i = 0; i < 8; i++)
			ug_group_go(&g, count_hundred, &s);
	say("%d", s.n);
}

static void mutex_tries(void)
{
	ug_mutex m = UG_ZERO;
	say_bool(ug_mutex_try_lock(&m) == 0);
	say_bool(ug_mutex_try_lock(&m) == 0);
	ug_mutex_unlock(&m);
	say_bool(ug_mutex_try_lock(&m) == 0);
}

static void rwmutex_tries(void)
{
	ug_rwmutex m = UG_ZERO;
	say_bool(ug_rwmutex_try_rlock(&m) == 0);
	say_bool(ug_rwmutex_try_rlock(&m) == 0);
	say_bool(ug_rwmutex_try_lock(&m) == 0);
	ug_rwmutex_runlock(&m);
	ug_rwmutex_runlock(&m);
	say_bool(ug_rwmutex_try_lock(&m) == 0);
	say_bool(ug_rwmutex_try_rlock(&m) == 0);
	say_bool(ug_rwmutex_try_lock(&m) == 0);
	ug_rwmutex_unlock(&m);
}

static int write_once(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_rwmutex_lock(&s->rw));
	UG_TRY(ug_rwmutex_unlock(&s->rw));
	return put(s->done, 1);
}

static void writer_waits(void)
{
	struct shared s = {.done = make(0)};
	if (ug_rwmutex_rlock(&s.rw) < 0 || ug_go(write_once, &s) < 0)
		abort();
	while (ug_rwmutex_try_rlock(&s.rw) == 0) {
		ug_rwmutex_runlock(&s.rw);
		ug_sleep(UG_MS / 10);
	}
	int a = ug_rwmutex_try_rlock(&s.rw);
	ug_rwmutex_runlock(&s.rw);
	get(s.done);
	say_bool(a == 0);
	say_bool(ug_rwmutex_try_rlock(&s.rw) == 0);
}

static int wait_in_order(void *p)
{
	struct shared *s = p;
	UG_TRY(ug_mutex_lock(&s->m));
	int me = s->waiting++;
	UG_TRY(ug_cond_wait(&s->c, &s->m));
	s->order[s->n++ % 4] = me;
	UG_TRY(ug_mutex_unlock(&s->m));
	return put(s->done, 1);
}

static void await_waiting(struct shared *s, int n)
{
	for (int seen = 0; !seen; ug_sleep(UG_MS / 10)) {
		if (ug_mutex_lock(&s->m) < 0)
			abort();
		seen = s->waiting >= n;
		ug_mutex_unlock(&s->m);
	}
}

static void cond_signals(void)
{
	struct shared s = {.done = make(0)};
	for (int i = 0; i < 4; i++) {
		if (ug_go(wait_in_order, &s) < 0)
			abort();
		await_waiting(&s, i + 1);
	}
	for (int i = 0; i < 4; i++) {
		ug_cond_signal(&s.c);
		get(s.done);
	}
	for (int i = 0; i < 4; i++)
		say("%d", s.order[i]);
}

static void cond_broadcasts(void)
{
	struct shared s = {.done = make(0)};
	for (int i = 0; i < 5; i++)
		if (ug_go(wait_in_order, &s) < 0)
			abort();
	await_waiting(&s, 5);
	ug_cond_broadcast(&s.c);
	for (int i = 0; i < 5; i++)
		get(s.done);
	say("%d", s.n);
}

static int add_one(void *p)
{
	struct shared *s = p;
	atomic_fetch_add(&s->runs, 1);
	return 0;
}

static int add_hundred(void *p)
{
	struct shared *s = p;
	atomic_fetch_add(&s->runs, 100);
	return 0;
}

static int do_once(void *p)
{
	struct shared *s = p;
	return ug_once_do(&s->once, add_one, s);
}

static void once(void)
{
	struct shared s = {.n = 0};
	ug_group g;
	UG_GROUP(&g)
		for (int i = 0; i < 8; i++)
			ug_group_go(&g, do_once, &s);
	ug_once_do(&s.once, add_hundred, &s);
	say("%d", atomic_load(&s.runs));
}

static void waitgroup_below(void)
{
	ug_waitgroup w = UG_ZERO;
	say_answer(ug_waitgroup_done(&w), "done");
}

static void waitgroup_zero(void)
{
	ug_waitgroup w = UG_ZERO;
	ug_waitgroup_add(&w, 2);
	ug_waitgroup_add(&w, -2);
	say_answer(ug_waitgroup_wait(&w), "through");
}

/* Contexts ------------------------------------------------------------------------------------------------------- */

enum { LATER = -4500 };

static void say_ctx(int code)
{
	say("%s",
		code == 0                    ? "goes on"
			: code == -ENOSPC    ? "full"
			: code == -ECANCELED ? "cancelled"
			: code == -ETIMEDOUT ? "timed out"
					     : "?");
}

static void ctx_goes_on(void)
{
	ug_ctx c;
	ug_ctx_push(&c);
	say_ctx(ug_ctx_err(&c));
	say_ctx(ug_ctx_cause(&c));
	say_bool(ug_ctx_deadline(&c) != UG_FOREVER);
	ug_ctx_pop(&c);
}

static void ctx_cancel(void)
{
	ug_ctx outer, c;
	ug_ctx_push(&outer);
	ug_ctx_push(&c);
	ug_ctx_cancel(&c, 0);
	say_ctx(ug_ctx_err(&c));
	say_ctx(ug_ctx_cause(&c));
	say_ctx(ug_ctx_err(&outer));
	ug_ctx_pop(&c);
	ug_ctx_pop(&outer);
}

static void ctx_first_cause(void)
{
	ug_ctx c;
	ug_ctx_push(&c);
	ug_ctx_cancel(&c, -ENOSPC);
	ug_ctx_cancel(&c, LATER);
	say_ctx(ug_ctx_err(&c));
	say_ctx(ug_ctx_cause(&c));
	ug_ctx_pop(&c);
}

static void ctx_inwards(void)
{
	ug_ctx outer, inner;
	ug_ctx_push(&outer);
	ug_ctx_push(&inner);
	ug_ctx_cancel(&outer, -ENOSPC);
	ug_ctx_cancel(&inner, LATER);
	say_ctx(ug_ctx_err(&inner));
	say_ctx(ug_ctx_cause(&inner));
	ug_ctx_pop(&inner);
	ug_ctx_pop(&outer);
}

static void ctx_deadline(void)
{
	ug_ctx c;
	ug_ctx_push_timeout(&c, UG_MS);
	ug_sleep(UG_HOUR);
	ug_ctx_cancel(&c, 0);
	say_ctx(ug_ctx_err(&c));
	say_ctx(ug_ctx_cause(&c));
	ug_ctx_pop(&c);
}

static void ctx_past(void)
{
	UG_WITH_TIMEOUT(-UG_HOUR)
		say_ctx(ug_ctx_err(NULL));
}

static void ctx_earlier(void)
{
	ug_ctx outer, inner;
	ug_ctx_push_timeout(&outer, UG_HOUR);
	int64_t o = ug_ctx_deadline(NULL);
	ug_ctx_push_timeout(&inner, 2 * UG_HOUR);
	int64_t l = ug_ctx_deadline(NULL);
	ug_ctx_pop(&inner);
	ug_ctx_push_timeout(&inner, UG_MINUTE);
	int64_t e = ug_ctx_deadline(NULL);
	ug_ctx_pop(&inner);
	ug_ctx_pop(&outer);
	say_bool(l == o);
	say_bool(e < o);
}

static void ctx_in_ended(void)
{
	ug_ctx outer, inner;
	ug_ctx_push(&outer);
	ug_ctx_cancel(&outer, -ENOSPC);
	ug_ctx_push_timeout(&inner, UG_HOUR);
	say_ctx(ug_ctx_err(&inner));
	say_ctx(ug_ctx_cause(&inner));
	ug_ctx_pop(&inner);
	ug_ctx_pop(&outer);
}

static void say_value(const ug_ctx *c, const void *key)
{
	const char *v = ug_ctx_value(c, key);
	say("%s", v ? v : "true"); /* as the other prints "is nil" */
}

static char one[] = "one", two[] = "two", three[] = "three";

static void ctx_values(void)
{
	static const int first = 1, second = 2;
	ug_ctx a, b, c;
	ug_ctx_push_value(&a, &first, one);
	ug_ctx_push_value(&b, &second, two);
	ug_ctx_push_value(&c, &first, three);
	say_value(&a, &first);
	say_value(&a, &second);
	say_value(&b, &first);
	say_value(&b, &second);
	say_value(&c, &first);
	say_value(&c, &second);
	ug_ctx_pop(&c);
	ug_ctx_pop(&b);
	ug_ctx_pop(&a);
}

static void ctx_shield(void)
{
	static const int key = 1;
	ug_ctx value, outer, shield;
	ug_ctx_push_value(&value, &key, one);
	ug_ctx_push_timeout(&outer, UG_HOUR);
	ug_ctx_push_shield(&shield);
	ug_ctx_cancel(&outer, 0);
	say_ctx(ug_ctx_err(&outer));
	say_ctx(ug_ctx_err(&shield));
	say_ctx(ug_ctx_cause(&shield));
	say_bool(ug_ctx_deadline(&shield) != UG_FOREVER);
	say_value(&shield, &key);
	ug_ctx_pop(&shield);
	ug_ctx_pop(&outer);
	ug_ctx_pop(&value);
}

static int note_run(void *p)
{
	struct op *o = p;
	return put(o->ch, o->value);
}

static void ctx_after(void)
{
	struct op first = {.ch = make(2), .value = 1}, second = {.ch = first.ch, .value = 2};
	struct ug_after a, b;
	ug_ctx c;
	ug_ctx_push(&c);
	ug_ctx_after(&c, &a, note_run, &first);
	ug_ctx_after(&c, &b, note_run, &second);
	say_bool(ug_after_stop(&b));
	say_bool(ug_after_stop(&b));
	ug_ctx_cancel(&c, 0);
	UG_SHIELD
		say_recv(first.ch);
	say_bool(ug_after_stop(&a));
	say("%zu", ug_len(first.ch));
	ug_ctx_pop(&c);
}

static void ctx_after_ended(void)
{
	struct op first = {.ch = make(1), .value = 1};
	struct ug_after a;
	ug_ctx c;
	ug_ctx_push(&c);
	ug_ctx_cancel(&c, 0);
	ug_ctx_after(&c, &a, note_run, &first);
	UG_SHIELD
		say_recv(first.ch);
	say_bool(ug_after_stop(&a));
	ug_ctx_pop(&c);
}

static int64_t nap;

static int sleep_then_note(void *p)
{
	struct op *o = p;
	UG_TRY(ug_sleep(o->value * nap));
	return put(o->ch, o->value);
}

/* Once more and longer where the order is wrong: a slow machine may not tell short ones apart. */
static void sleepers(void)
{
	static const int order[] = {3, 1, 4, 2};
	int got[4] = {0}, right = 0;
	for (nap = 30 * UG_MS; !right && nap < UG_SECOND; nap *= 2) {
		int_chan ch = make(4);
		for (int i = 0; i < 4; i++)
			go(sleep_then_note, (struct op){.ch = ch, .value = order[i]});
		right = 1;
		for (int i = 0; i < 4; i++) {
			got[i] = get(ch);
			right = right && got[i] == i + 1;
		}
	}
	for (int i = 0; i < 4; i++)
		say("%d", got[i]);
}

const struct named_case sync_cases[] = {
	{"mutex: counting", mutex_counts},
	{"mutex: trying", mutex_tries},
	{"rwmutex: trying", rwmutex_tries},
	{"rwmutex: a waiting writer holds off readers", writer_waits},
	{"condition: signals wake in order", cond_signals},
	{"condition: broadcast wakes all", cond_broadcasts},
	{"once", once},
	{"wait group: below zero", waitgroup_below},
	{"wait group: zero does not wait", waitgroup_zero},
	{"context: goes on", ctx_goes_on},
	{"context: cancel", ctx_cancel},
	{"context: the first cause wins", ctx_first_cause},
	{"context: a cause goes inwards", ctx_inwards},
	{"context: deadline", ctx_deadline},
	{"context: a deadline in the past", ctx_past},
	{"context: the earlier deadline holds", ctx_earlier},
	{"context: in an ended one", ctx_in_ended},
	{"context: values", ctx_values},
	{"context: a shield", ctx_shield},
	{"context: after", ctx_after},
	{"context: after an ended one", ctx_after_ended},
	{"sleepers wake in order", sleepers},
	{NULL, NULL},
};
