/* SPDX-License-Identifier: MIT */
/* Select: meeting oneself and each other, many cases, leaving the queues, cancellation, crowds. */
#include "sync_test.h"

/* A send and a receive on one channel in one select do not meet; and both can be met from outside. */
struct pair {
	int_chan a, b;
	int value, fired, result;
	int64_t sent, received;
};

static int both_ways(void *p)
{
	struct pair *q = p;
	int in = 5, out = 6;
	struct ug_case c[] = {UG_SEND(q->a, &in), UG_RECV(q->a, &out), UG_RECV(q->a, &out), UG_SEND(q->a, &in)};
	q->fired = ug_select(c, 4);
	q->result = c[q->fired].result;
	q->value = out;
	return 0;
}

TEST(does_not_meet_itself)
{
	struct pair q;
	struct helper h;
	int v = 0;
	make(&q.a, 0);
	UG_WITH_TIMEOUT(2 * UG_MS) {
		struct ug_case c[] = {UG_SEND(q.a, &v), UG_RECV(q.a, &v)};
		CHECK_IS(ug_select(c, 2), -ETIMEDOUT);
	}
	CHECK(idle(q.a));
	for (int i = 0; i < 2; i++) {
		start(&h, both_ways, &q);
		UNTIL(waiting(&q.a.core->senders) && waiting(&q.a.core->receivers));
		v = 9;
		CHECK_IS(i ? ug_try_send(q.a, &v) : ug_try_recv(q.a, &v), 0);
		CHECK_IS(finish(&h), 0);
		CHECK_IS(q.result, 0);
		CHECK(i ? q.fired == 1 || q.fired == 2 : q.fired == 0 || q.fired == 3);
		CHECK_IS(i ? q.value : v, i ? 9 : 5);
		CHECK(idle(q.a));
	}
	start(&h, both_ways, &q);
	UNTIL(waiting(&q.a.core->senders) && waiting(&q.a.core->receivers));
	CHECK_IS(ug_close(q.a), 0);
	CHECK_IS(finish(&h), 0);
	CHECK_IS(q.result, -EPIPE);
	CHECK(idle(q.a));
	drop(&q.a);
	return 0;
}

/* Two face each other on two channels: what one sent the other received, each time one thing for both. */
enum { MEETINGS = 5000 };

static int sends_first(void *p)
{
	struct pair *q = p;
	for (int i = 0; i < MEETINGS; i++) {
		int out = 1, in = 0;
		struct ug_case c[] = {UG_SEND(q->a, &out), UG_RECV(q->b, &in)};
		int fired = ug_select(c, 2);
		CHECK(fired == 0 || fired == 1);
		CHECK_IS(c[fired].result, 0);
		CHECK_IS(in, fired);
		add_relaxed(fired ? &q->received : &q->sent, (int64_t)1);
	}
	return 0;
}

static int receives_first(void *p)
{
	struct pair *q = p;
	for (int i = 0; i < MEETINGS; i++) {
		int out = 1, in = 0;
		struct ug_case c[] = {UG_SEND(q->b, &out), UG_RECV(q->a, &in)};
		int fired = ug_select(c, 2);
		CHECK(fired == 0 || fired == 1);
		CHECK_IS(in, fired);
		add_relaxed(fired ? &q->sent : &q->received, (int64_t)-1);
	}
	return 0;
}

TEST(face_to_face)
{
	struct pair q = {.sent = 0};
	make(&q.a, 0);
	make(&q.b, 0);
	in_parallel(4, receives_first, sends_first, &q);
	CHECK_IS(q.sent, 0);
	CHECK_IS(q.received, 0);
	CHECK(idle(q.a) && idle(q.b));
	drop(&q.a);
	drop(&q.b);
	return 0;
}

/* Many cases, channels in no order of address and some twice; the one that comes last wakes it. */
TEST(many_cases)
{
	enum { CHANNELS = 500, CASES = 1200 };
	static int_chan ch[CHANNELS];
	static struct ug_case c[CASES];
	int v = 0;
	for (int i = 0; i < CHANNELS; i++)
		make(&ch[i], 0);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < CASES; i++) {
			int which = (i * 7919 + round) % CHANNELS;
			c[i] = i % 11 == 0 ? (struct ug_case)UG_IGNORE : (struct ug_case)UG_RECV(ch[which], &v);
		}
		UG_WITH_TIMEOUT(round % 2 ? UG_MS : UG_FOREVER) {
			struct helper h;
			struct pair q = {.a = ch[round * 17 % CHANNELS]};
			if (round % 2) {
				CHECK_IS(ug_select(c, CASES), -ETIMEDOUT);
			} else {
				start(&h, both_ways, &q);
				int fired = ug_select(c, CASES);
				CHECK(fired >= 0 && c[fired].object_ == q.a.core);
				CHECK_IS(v, 5);
				CHECK_IS(finish(&h), 0);
			}
		}
		for (int i = 0; i < CHANNELS; i++)
			CHECK(idle(ch[i]));
	}
	for (int i = 0; i < CHANNELS; i++)
		drop(&ch[i]);
	return 0;
}

/* Leaving --------------------------------------------------------------------------------------------------------- */

struct scope {
	int_chan a, b;
	ug_ctx ctx;
	uint32_t open, over, spin;
	int taken;
};

static int cancelled_select(void *p)
{
	struct scope *s = p;
	int v = 77, w = 88, e;
	struct ug_case c[] = {UG_RECV(s->a, &v), UG_SEND(s->b, &w), UG_AFTER(UG_HOUR)};
	ug_ctx_push(&s->ctx);
	store_release(&s->open, 1u);
	e = ug_select(c, 3);
	UNTIL(load_acquire(&s->over));
	ug_ctx_pop(&s->ctx);
	CHECK(e == -ECANCELED || ((e == 0 || e == 1) && c[e].result == 0));
	CHECK_IS(v, e == 0 ? 78 : 77);
	return e;
}

static int cancel_it(void *p)
{
	struct scope *s = p;
	for (volatile uint32_t i = 0; i < s->spin; i++)
		;
	ug_ctx_cancel(&s->ctx, 0);
	return 0;
}

/* The end of the context against two peers: one of the three wins, all agree, and no waiter stays behind. */
TEST(cancelled)
{
	ROUNDS_FOR(i, 500)
	{
		struct scope s = {.spin = i * 11 % 400};
		struct helper side, end;
		int v = 78, sent = -EAGAIN, got = -EAGAIN;
		make(&s.a, 0);
		make(&s.b, 0);
		start(&side, cancelled_select, &s);
		UNTIL(load_acquire(&s.open));
		start(&end, cancel_it, &s);
		for (uint32_t k = 0; k < i % 40 && sent && got; k++) {
			int w = 0;
			if (k & 1)
				sent = ug_try_send(s.a, &v);
			else
				got = ug_try_recv(s.b, &w);
			CHECK_IS(w, got == 0 ? 88 : 0);
			if (k % 8 == 7)
				ug_yield();
		}
		finish(&end);
		store_release(&s.over, 1u);
		CHECK_IS(finish(&side), sent == 0 ? 0 : got == 0 ? 1 : -ECANCELED);
		CHECK(idle(s.a) && idle(s.b));
		drop(&s.a);
		drop(&s.b);
	}
	return 0;
}

TEST(busy_while_it_waits)
{
	struct pair q;
	struct helper h;
	int v = 1;
	make(&q.a, 0);
	start(&h, both_ways, &q);
	UNTIL(waiting(&q.a.core->receivers));
	int_chan same = q.a;
	CHECK_IS(ug_chan_unref(&same), -EBUSY);
	CHECK_IS(ug_send(q.a, &v), 0);
	CHECK_IS(finish(&h), 0);
	drop(&q.a);
	return 0;
}

/* Producers and consumers that choose among channels of three capacities: nothing is lost, nothing doubled. */
enum { SIDES = 3, EACH = 3000 };

struct crowd {
	int_chan c[3], quit;
	uint8_t seen[SIDES * EACH];
};

struct crowd_args {
	struct crowd *q;
	int first;
};

static int crowd_send(void *p)
{
	struct crowd_args *a = p;
	for (int i = 0; i < EACH; i++) {
		int v = a->first + i;
		struct ug_case c[] = {UG_SEND(a->q->c[0], &v), UG_SEND(a->q->c[1], &v), UG_SEND(a->q->c[2], &v)};
		int fired = ug_select(c, 3);
		CHECK(fired >= 0);
		CHECK_IS(c[fired].result, 0);
	}
	return 0;
}

static int crowd_recv(void *p)
{
	struct crowd *q = p;
	for (;;) {
		int v[3] = {-1, -1, -1}, none;
		struct ug_case c[] = {
			UG_RECV(q->c[2], &v[2]),
			UG_RECV(q->quit, &none),
			UG_RECV(q->c[0], &v[0]),
			UG_RECV(q->c[1], &v[1]),
		};
		static const int channel[] = {2, -1, 0, 1};
		int fired = ug_select(c, 4);
		CHECK(fired >= 0);
		if (fired == 1)
			return 0;
		for (int i = 0; i < 3; i++)
			CHECK_IS(v[i] >= 0, i == channel[fired]);
		CHECK_IS(add_relaxed(&q->seen[v[channel[fired]]], (uint8_t)1), 0);
	}
}

TEST(crowd)
{
	static struct crowd q;
	struct crowd_args a[SIDES];
	struct helper s[SIDES], r[SIDES];
	int v;
	q = (struct crowd){.quit = UG_NIL};
	for (size_t i = 0; i < 3; i++)
		make(&q.c[i], i);
	make(&q.quit, 0);
	for (int i = 0; i < SIDES; i++) {
		a[i] = (struct crowd_args){&q, i * EACH};
		start(&s[i], crowd_send, &a[i]);
		start(&r[i], crowd_recv, &q);
	}
	for (int i = 0; i < SIDES; i++)
		finish(&s[i]);
	CHECK_IS(ug_close(q.quit), 0);
	for (int i = 0; i < SIDES; i++)
		finish(&r[i]);
	for (int i = 0; i < 3; i++)
		while (ug_try_recv(q.c[i], &v) == 0)
			CHECK_IS(q.seen[v]++, 0);
	for (int i = 0; i < SIDES * EACH; i++)
		CHECK_IS(q.seen[i], 1);
	for (int i = 0; i < 3; i++) {
		CHECK(idle(q.c[i]));
		drop(&q.c[i]);
	}
	drop(&q.quit);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_does_not_meet_itself),
		cmocka_unit_test(test_face_to_face),
		cmocka_unit_test(test_many_cases),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_busy_while_it_waits),
		cmocka_unit_test(test_crowd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
