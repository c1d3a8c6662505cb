/* SPDX-License-Identifier: MIT */
/*
 * Each test body runs four times: as a task with tasks as its helpers, as a task with plain threads, as a plain thread
 * with tasks, as a plain thread with threads. A body checks with what check.h has.
 */
#ifndef SYNC_TEST_H
#define SYNC_TEST_H

#include "unit/check.h"

#include "sync/chan_priv.h"
#include <pthread.h>
#include <undergo/sync.h>

static int body_is_task, helpers_are_tasks;

/* A race is run so many times, or for so long on a machine that has other things to do. */
#define ROUNDS_FOR(i, n)                                                                                               \
	for (int64_t until_ = ug_now() + 300 * UG_MS, *once_ = &until_; once_; once_ = NULL)                           \
		for (uint32_t i = 0; i < (n) && ug_now() < until_; i++)

/* Helpers --------------------------------------------------------------------------------------------------------- */

struct helper {
	ug_task *task;
	pthread_t thread;
	ug_fn *fn;
	void *arg;
	int result;
};

static inline void *helper_thread(void *p)
{
	struct helper *h = p;
	h->result = h->fn(h->arg);
	return NULL;
}

static inline void start(struct helper *h, ug_fn *fn, void *arg)
{
	*h = (struct helper){.fn = fn, .arg = arg};
	if (helpers_are_tasks)
		CHECK_IS(ug_go_task(fn, arg, NULL, &h->task), 0);
	else
		CHECK_IS(pthread_create(&h->thread, NULL, helper_thread, h), 0);
}

static inline int join_thread(void *thread)
{
	return pthread_join(*(pthread_t *)thread, NULL);
}

/* Waits for a helper's end and answers its result. */
static inline int finish(struct helper *h)
{
	UG_SHIELD {
		if (h->task) {
			CHECK_IS(ug_task_wait(h->task, &h->result), 0);
			ug_task_unref(h->task);
		} else {
			CHECK_IS(ug_blocking(join_thread, &h->thread), 0);
		}
	}
	return h->result;
}

/* n helpers at once, the first and every other one by `even`; all end well. */
static inline void in_parallel(int n, ug_fn *even, ug_fn *odd, void *arg)
{
	struct helper h[16];
	CHECK(n <= 16);
	for (int i = 0; i < n; i++)
		start(&h[i], i % 2 ? odd : even, arg);
	for (int i = 0; i < n; i++)
		CHECK_IS(finish(&h[i]), 0);
}

/* The four worlds ------------------------------------------------------------------------------------------------- */

static inline int thread_body(void *body)
{
	pthread_t t;
	struct helper h = {.fn = *(ug_fn **)body};
	CHECK_IS(pthread_create(&t, NULL, helper_thread, &h), 0);
	CHECK_IS(ug_blocking(join_thread, &t), 0);
	return h.result;
}

static inline void in_all_worlds(ug_fn *body)
{
	static const char *const names[] = {" (body task, helpers tasks)", " (body thread, helpers tasks)",
		" (body task, helpers threads)", " (body thread, helpers threads)"};
	for (int world = 0; world < 4; world++) {
		check_world = names[world];
		body_is_task = !(world & 1);
		helpers_are_tasks = !(world & 2);
		assert_int_equal(body_is_task ? ug_run(body, NULL, NULL) : ug_run(thread_body, &body, NULL), 0);
	}
}

/* Defines the cmocka test test_NAME around a body. */
#define TEST(name)                                                                                                     \
	static int name(void *unused);                                                                                 \
	static void test_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		in_all_worlds(name);                                                                                   \
	}                                                                                                              \
	static int name(void *unused __attribute__((unused)))

static inline int waiting(const struct ug__waitq *q)
{
	return load_relaxed(&q->head_) != NULL;
}

static inline size_t queue_count(const struct ug__waitq *q)
{
	size_t n = 0;
	for (const struct ug__waiter *w = q->head_; w; w = w->next_)
		n++;
	return n;
}

static inline size_t queue_length(struct ug__waitq *q, uint32_t *lock)
{
	ug__lock(lock);
	size_t n = queue_count(q);
	ug__unlock(lock);
	return n;
}

/* Of one of a channel's queues. */
static inline size_t chan_waiters(ug_chan *c, const struct ug__waitq *q)
{
	struct ug__owner *owned = chan_lock(c);
	size_t n = queue_count(q);
	chan_unlock(c, owned);
	return n;
}

/* Channels of ints ------------------------------------------------------------------------------------------------ */

typedef UG_CHAN(int) int_chan;

static inline void make(int_chan *c, size_t capacity)
{
	CHECK_IS(ug_chan_new(c, capacity), 0);
}

static inline void drop(int_chan *c)
{
	CHECK_IS(ug_chan_unref(c), 0);
	CHECK(!c->core);
}

/* Nobody's waiter is left in it. */
static inline int idle(int_chan c)
{
	return !waiting(&c.core->senders) && !waiting(&c.core->receivers);
}

#endif
