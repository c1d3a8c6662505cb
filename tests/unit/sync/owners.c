/* SPDX-License-Identifier: MIT */
/*
 * A channel whose lock has become one thread's own (base/biased.h) goes on to others, and back: nothing is lost,
 * doubled or out of order. Each stretch is long enough for the lock to be given to who makes it.
 */
#include "sync_test.h"

#include <pthread.h>

#define STRETCH 3000
#define CAPACITY 16

typedef UG_CHAN(uint32_t) number_chan;

struct line {
	number_chan ch;
	uint32_t sent, got;
};

/* Fills and empties the channel by turns, alone. */
static int stretch(void *arg)
{
	struct line *l = arg;
	for (int i = 0; i < STRETCH; i++) {
		uint32_t v;
		CHECK_IS(ug_try_send(l->ch, &l->sent), 0);
		l->sent++;
		CHECK_IS(ug_try_recv(l->ch, &v), 0);
		CHECK_IS(v, l->got);
		l->got++;
	}
	return 0;
}

static void *stretch_thread(void *arg)
{
	stretch(arg);
	return NULL;
}

static int stretch_pinned(void *arg)
{
	CHECK_IS(ug_pin(), 0); /* a thread of its own */
	stretch(arg);
	ug_unpin();
	return 0;
}

/* One after the other: this task, a plain thread, another worker. */
static int in_turns(void *unused)
{
	(void)unused;
	struct line l = {.sent = 0};
	CHECK_IS(ug_chan_new(&l.ch, CAPACITY), 0);
	for (int round = 0; round < 8; round++) {
		pthread_t thread;
		ug_task *task;
		int result = 0;
		stretch(&l);
		CHECK_IS(pthread_create(&thread, NULL, stretch_thread, &l), 0);
		CHECK_IS(ug_blocking(join_thread, &thread), 0);
		CHECK_IS(ug_go_task(stretch_pinned, &l, NULL, &task), 0);
		CHECK_IS(ug_task_wait(task, &result), 0);
		ug_task_unref(task);
	}
	CHECK_IS(ug_len(l.ch), 0);
	CHECK_IS(ug_chan_unref(&l.ch), 0);
	return 0;
}

static int send_all(void *arg)
{
	struct line *l = arg;
	for (uint32_t i = 0; i < 4 * STRETCH; i++)
		CHECK_IS(ug_send(l->ch, &i), 0);
	return 0;
}

static void *send_thread(void *arg)
{
	send_all(arg);
	return NULL;
}

/* The owner is inside while another comes: a sum that is right at the end says that no section met another. */
static int at_once(void *unused)
{
	(void)unused;
	for (int round = 0; round < 4; round++) {
		struct line l = {.sent = 0};
		pthread_t thread;
		uint64_t sum = 0, each = 4 * STRETCH;
		ug_group g;
		CHECK_IS(ug_chan_new(&l.ch, CAPACITY), 0);
		CHECK_IS(pthread_create(&thread, NULL, send_thread, &l), 0);
		UG_GROUP(&g) {
			CHECK_IS(ug_group_go(&g, send_all, &l), 0);
			CHECK_IS(ug_group_go(&g, send_all, &l), 0);
			for (uint64_t i = 0; i < 3 * each; i++) {
				uint32_t v;
				CHECK_IS(ug_recv(l.ch, &v), 0);
				sum += v;
			}
		}
		CHECK_IS(ug_group_result(&g), 0);
		CHECK_IS(ug_blocking(join_thread, &thread), 0);
		CHECK_IS(sum, 3 * (each * (each - 1) / 2));
		CHECK_IS(ug_chan_unref(&l.ch), 0);
	}
	return 0;
}

/* Takes a token and puts it back, as fast as it can. */
static int juggle(void *arg)
{
	number_chan *ch = arg;
	for (int i = 0; i < 300 * STRETCH; i++) {
		uint32_t token;
		int e = ug_try_recv(*ch, &token);
		CHECK(e == 0 || e == -EAGAIN);
		if (e == 0)
			CHECK_IS(ug_try_send(*ch, &token), 0);
	}
	return 0;
}

static void *juggle_thread(void *arg)
{
	juggle(arg);
	return NULL;
}

static int juggle_pinned(void *arg)
{
	CHECK_IS(ug_pin(), 0);
	juggle(arg);
	ug_unpin();
	return 0;
}

/* Three threads that never wait: two sections at a time would lose a token or double one. */
static int tokens(void *unused)
{
	(void)unused;
	number_chan ch;
	pthread_t thread;
	ug_task *task;
	int result;
	uint64_t seen = 0;
	CHECK_IS(ug_chan_new(&ch, CAPACITY), 0);
	for (uint32_t i = 0; i < CAPACITY; i++)
		CHECK_IS(ug_send(ch, &i), 0);
	CHECK_IS(pthread_create(&thread, NULL, juggle_thread, &ch), 0);
	CHECK_IS(ug_go_task(juggle_pinned, &ch, NULL, &task), 0);
	juggle(&ch);
	CHECK_IS(ug_task_wait(task, &result), 0);
	ug_task_unref(task);
	CHECK_IS(ug_blocking(join_thread, &thread), 0);
	CHECK_IS(ug_len(ch), CAPACITY);
	for (uint32_t i = 0, token; i < CAPACITY; i++) {
		CHECK_IS(ug_try_recv(ch, &token), 0);
		seen |= (uint64_t)1 << token;
	}
	CHECK_IS(seen, ((uint64_t)1 << CAPACITY) - 1);
	CHECK_IS(ug_chan_unref(&ch), 0);
	return 0;
}

/* Selects hold the locks of several channels at a time, owned and not. */
static int pick(void *arg)
{
	number_chan *chs = arg;
	uint32_t v;
	for (uint32_t got = 0; got < 4 * STRETCH; got++) {
		struct ug_case cases[] = {UG_RECV(chs[0], &v), UG_RECV(chs[1], &v), UG_RECV(chs[2], &v),
			UG_RECV(chs[3], &v), UG_RECV(chs[4], &v), UG_RECV(chs[5], &v), UG_RECV(chs[6], &v),
			UG_RECV(chs[7], &v), UG_RECV(chs[8], &v)};
		CHECK(ug_select(cases, 9) >= 0);
	}
	return 0;
}

static int select_many(void *unused)
{
	(void)unused;
	number_chan chs[9]; /* more than a worker can own at a time */
	ug_group g;
	pthread_t thread;
	struct line l;
	for (int i = 0; i < 9; i++)
		CHECK_IS(ug_chan_new(&chs[i], 0), 0);
	l.ch = chs[3];
	CHECK_IS(pthread_create(&thread, NULL, send_thread, &l), 0);
	UG_GROUP(&g) {
		CHECK_IS(ug_group_go(&g, pick, chs), 0);
		CHECK_IS(ug_group_go(&g, pick, chs), 0);
		for (uint32_t i = 0; i < 4 * STRETCH; i++)
			CHECK_IS(ug_send(chs[i % 9], &i), 0);
	}
	CHECK_IS(ug_group_result(&g), 0);
	CHECK_IS(ug_blocking(join_thread, &thread), 0);
	for (int i = 0; i < 9; i++)
		CHECK_IS(ug_chan_unref(&chs[i]), 0);
	return 0;
}

static void run(ug_fn *body)
{
	assert_int_equal(ug_run(body, NULL, NULL), 0);
}

static void in_turns_nothing_is_lost(void **state)
{
	(void)state;
	run(in_turns);
}

static void at_once_nothing_is_lost(void **state)
{
	(void)state;
	run(at_once);
}

static void no_token_is_lost(void **state)
{
	(void)state;
	run(tokens);
}

static void a_select_holds_more_than_can_be_owned(void **state)
{
	(void)state;
	run(select_many);
}

/* Of a runtime that has ended, and its workers with it; then one more. */
static void an_owner_may_have_ended(void **state)
{
	(void)state;
	struct line l = {.sent = 0};
	CHECK_IS(ug_chan_new(&l.ch, CAPACITY), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ug_run(stretch, &l, NULL), 0);
		stretch(&l);
	}
	CHECK_IS(ug_chan_unref(&l.ch), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_turns_nothing_is_lost),
		cmocka_unit_test(at_once_nothing_is_lost),
		cmocka_unit_test(no_token_is_lost),
		cmocka_unit_test(a_select_holds_more_than_can_be_owned),
		cmocka_unit_test(an_owner_may_have_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
