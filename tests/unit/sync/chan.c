/* SPDX-License-Identifier: MIT */
/* Channels: the ring at each element size, hand-over, the order of those who wait, references, closing,
 * cancellation. */
#include "sync_test.h"

#include <string.h>

TEST(arguments)
{
	int_chan c = UG_NIL;
	int v = 7;
	CHECK_IS(ug_chan_new(&c, SIZE_MAX), -EINVAL);
	CHECK_IS(ug_chan_new(&c, SIZE_MAX / sizeof(int)), -EINVAL);
	CHECK_IS(ug_chan_make(NULL, 4, 1, NULL), -EINVAL);
	CHECK_IS(ug_chan_make(&c.core, 0, SIZE_MAX, NULL), -EINVAL);
	CHECK(!c.core);
	make(&c, 2);
	CHECK_IS(ug_chan_send(c.core, NULL), -EINVAL);
	CHECK_IS(ug_chan_recv(c.core, NULL), -EINVAL);
	CHECK_IS(ug_chan_try_send(c.core, NULL), -EINVAL);
	CHECK_IS(ug_chan_try_recv(c.core, NULL), -EINVAL);
	CHECK_IS(ug_len(c), 0);
	CHECK_IS(ug_cap(c), 2);
	CHECK_IS(ug_try_recv(c, &v), -EAGAIN);
	CHECK_IS(v, 7);
	drop(&c);
	return 0;
}

TEST(nil)
{
	int_chan c = UG_NIL;
	int v = 7;
	CHECK_IS(ug_try_send(c, &v), -EAGAIN);
	CHECK_IS(ug_try_recv(c, &v), -EAGAIN);
	CHECK_IS(ug_close(c), -EINVAL);
	CHECK_IS(ug_len(c), 0);
	CHECK_IS(ug_cap(c), 0);
	CHECK_IS(ug_chan_unref(&c), 0);
	CHECK_IS(ug_chan_unref(NULL), 0);
	CHECK_IS(ug_chan_ref(&c), 0);
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_send(c, &v), -ETIMEDOUT);
		CHECK_IS(ug_recv(c, &v), -ETIMEDOUT);
	}
	CHECK_IS(v, 7);
	return 0;
}

/* Every size: the ring goes round several times at each fill, and neither a neighbour nor the next byte is touched. */
TEST(sizes)
{
	static const size_t sizes[] = {0, 1, 2, 3, 4, 7, 8, 12, 16, 24, 100, 4096};
	static unsigned char in[4096], out[4097];
	for (size_t s = 0; s < UG_COUNT_OF(sizes); s++)
		for (size_t capacity = 1; capacity < 6; capacity++) {
			ug_chan *c = NULL;
			size_t sent = 0, got = 0;
			CHECK_IS(ug_chan_make(&c, sizes[s], capacity, NULL), 0);
			for (int round = 0; round < 20; round++) {
				size_t fill = 1 + (size_t)round % capacity;
				for (size_t i = 0; i < fill; i++, sent++) {
					memset(in, (int)(sent % 251), sizeof in);
					CHECK_IS(ug_chan_send(c, in), 0);
				}
				CHECK_IS(ug_chan_len(c), fill);
				if (fill == capacity)
					CHECK_IS(ug_chan_try_send(c, in), -EAGAIN);
				for (size_t i = 0; i < fill; i++, got++) {
					memset(out, 255, sizeof out);
					CHECK_IS(ug_chan_recv(c, out), 0);
					for (size_t b = 0; b < sizes[s]; b++)
						CHECK_IS(out[b], got % 251);
					CHECK_IS(out[sizes[s]], 255);
				}
				CHECK_IS(ug_chan_try_recv(c, out), -EAGAIN);
			}
			CHECK_IS(ug_chan_unref(&c), 0);
		}
	return 0;
}

struct send_args {
	int_chan c;
	int value;
};

static int send_one(void *p)
{
	struct send_args *a = p;
	return ug_send(a->c, &a->value);
}

static int recv_one(void *p)
{
	struct send_args *a = p;
	return ug_recv(a->c, &a->value);
}

/* Those who wait are served in the order of their coming, and a waiting sender's value goes behind the ring's. */
TEST(waiters_in_order)
{
	for (int capacity = 0; capacity < 3; capacity++) {
		struct helper h[4];
		struct send_args a[4];
		int_chan c;
		int v;
		make(&c, (size_t)capacity);
		for (int i = 0; i < capacity; i++)
			CHECK_IS(ug_send(c, &i), 0);
		for (int i = 0; i < 4; i++) {
			a[i] = (struct send_args){c, capacity + i};
			start(&h[i], send_one, &a[i]);
			UNTIL(chan_waiters(c.core, &c.core->senders) == (size_t)i + 1);
		}
		CHECK_IS(ug_len(c), capacity);
		for (int i = 0; i < capacity + 4; i++) {
			CHECK_IS(ug_recv(c, &v), 0);
			CHECK_IS(v, i);
		}
		for (int i = 0; i < 4; i++)
			CHECK_IS(finish(&h[i]), 0);
		for (int i = 0; i < 4; i++) {
			start(&h[i], recv_one, &a[i]);
			UNTIL(chan_waiters(c.core, &c.core->receivers) == (size_t)i + 1);
		}
		for (int i = 0; i < 4; i++)
			CHECK_IS(ug_try_send(c, &i), 0);
		for (int i = 0; i < 4; i++) {
			CHECK_IS(finish(&h[i]), 0);
			CHECK_IS(a[i].value, i);
		}
		drop(&c);
	}
	return 0;
}

TEST(close_wakes_all)
{
	struct helper h[6];
	struct send_args a[6];
	int_chan full, empty;
	int v = 5;
	make(&full, 1);
	make(&empty, 1);
	CHECK_IS(ug_send(full, &v), 0);
	for (int i = 0; i < 3; i++) {
		a[i] = (struct send_args){full, 100 + i};
		a[i + 3] = (struct send_args){empty, -1};
		start(&h[i], send_one, &a[i]);
		start(&h[i + 3], recv_one, &a[i + 3]);
	}
	UNTIL(chan_waiters(full.core, &full.core->senders) == 3);
	UNTIL(chan_waiters(empty.core, &empty.core->receivers) == 3);
	CHECK_IS(ug_close(full), 0);
	CHECK_IS(ug_close(full), -EPIPE);
	CHECK_IS(ug_close(empty), 0);
	for (int i = 0; i < 6; i++) {
		CHECK_IS(finish(&h[i]), -EPIPE);
		CHECK_IS(a[i].value, i < 3 ? 100 + i : -1);
	}
	CHECK_IS(ug_send(full, &v), -EPIPE);
	CHECK_IS(ug_try_send(full, &v), -EPIPE);
	v = 0;
	CHECK_IS(ug_len(full), 1);
	CHECK_IS(ug_try_recv(full, &v), 0);
	CHECK_IS(v, 5);
	CHECK_IS(ug_recv(full, &v), -EPIPE);
	CHECK_IS(ug_try_recv(full, &v), -EPIPE);
	drop(&full);
	drop(&empty);
	return 0;
}

/* A send on an unbuffered channel returns only after the value is where it belongs. */
TEST(rendezvous)
{
	int_chan c;
	struct helper h;
	struct send_args a;
	int v = 41;
	make(&c, 0);
	CHECK_IS(ug_try_send(c, &v), -EAGAIN);
	a = (struct send_args){c, 0};
	start(&h, recv_one, &a);
	UNTIL(waiting(&c.core->receivers));
	CHECK_IS(ug_try_send(c, &v), 0);
	CHECK_IS(load_acquire(&a.value), 41);
	CHECK_IS(finish(&h), 0);
	a.value = 42;
	start(&h, send_one, &a);
	UNTIL(waiting(&c.core->senders));
	CHECK_IS(ug_try_recv(c, &v), 0);
	CHECK_IS(v, 42);
	CHECK_IS(finish(&h), 0);
	drop(&c);
	return 0;
}

static int dropped[8], drops;

static void note_drop(void *value)
{
	dropped[drops++] = *(int *)value;
}

TEST(references)
{
	struct ug_chan_opts opts = {.drop = note_drop};
	int_chan c, same;
	int v;
	drops = 0;
	CHECK_IS(ug_chan_new_with(&c, 4, &opts), 0);
	for (int i = 0; i < 4; i++)
		CHECK_IS(ug_send(c, &i), 0);
	CHECK_IS(ug_recv(c, &v), 0);
	CHECK_IS(ug_recv(c, &v), 0);
	v = 9;
	CHECK_IS(ug_send(c, &v), 0);
	v = 10;
	same = c;
	CHECK_IS(ug_chan_ref(&same), 0);
	CHECK_IS(ug_chan_unref(&c), 0);
	CHECK(!c.core);
	CHECK_IS(drops, 0);
	CHECK_IS(ug_close(same), 0);
	CHECK_IS(ug_send(same, &v), -EPIPE);
	CHECK_IS(ug_chan_unref(&same), 0);
	CHECK_IS(drops, 3);
	CHECK_IS(dropped[0], 2);
	CHECK_IS(dropped[1], 3);
	CHECK_IS(dropped[2], 9);
	return 0;
}

TEST(busy_while_someone_waits)
{
	int_chan c;
	struct helper h;
	struct send_args a;
	int v = 3;
	make(&c, 0);
	a = (struct send_args){c, 0};
	start(&h, recv_one, &a);
	UNTIL(waiting(&c.core->receivers));
	CHECK_IS(ug_chan_unref(&c), -EBUSY);
	CHECK(c.core);
	CHECK_IS(ug_send(c, &v), 0);
	CHECK_IS(finish(&h), 0);
	CHECK_IS(a.value, 3);
	drop(&c);
	return 0;
}

/* Context --------------------------------------------------------------------------------------------------------- */

TEST(ended_context_has_no_effect)
{
	int_chan c;
	int v = 1;
	make(&c, 2);
	CHECK_IS(ug_send(c, &v), 0);
	UG_WITH_TIMEOUT(0) {
		v = 2;
		CHECK_IS(ug_send(c, &v), -ETIMEDOUT);
		CHECK_IS(ug_recv(c, &v), -ETIMEDOUT);
		CHECK_IS(v, 2);
	}
	CHECK_IS(ug_len(c), 1);
	drop(&c);
	return 0;
}

struct race {
	int_chan c;
	ug_ctx ctx;
	uint32_t open, over, spin;
	int receives;
};

/* Takes part in one exchange inside a scope that somebody else cancels. */
static int cancelled_side(void *p)
{
	struct race *r = p;
	int v = 77, e;
	ug_ctx_push(&r->ctx);
	store_release(&r->open, 1u);
	e = r->receives ? ug_recv(r->c, &v) : ug_send(r->c, &v);
	UNTIL(load_acquire(&r->over));
	ug_ctx_pop(&r->ctx);
	CHECK(e == 0 || e == -ECANCELED);
	if (r->receives)
		CHECK_IS(v, e == 0 ? 78 : 77);
	return e;
}

static int canceller(void *p)
{
	struct race *r = p;
	for (volatile uint32_t i = 0; i < r->spin; i++)
		;
	ug_ctx_cancel(&r->ctx, 0);
	return 0;
}

/* One who is cancelled while another wins the exchange: both sides agree on whether it took place. */
static void race(int receives)
{
	ROUNDS_FOR(i, 500)
	{
		struct race r = {.spin = i * 7 % 300, .receives = receives};
		struct helper side, end;
		int v = 78, e = -EAGAIN;
		make(&r.c, 0);
		start(&side, cancelled_side, &r);
		UNTIL(load_acquire(&r.open));
		start(&end, canceller, &r);
		for (uint32_t k = 0; k < i % 50 && e == -EAGAIN; k++) {
			e = receives ? ug_try_send(r.c, &v) : ug_try_recv(r.c, &v);
			if (k % 8 == 7)
				ug_yield();
		}
		finish(&end);
		store_release(&r.over, 1u);
		CHECK_IS(finish(&side), e == 0 ? 0 : -ECANCELED);
		CHECK_IS(v, e == 0 && !receives ? 77 : 78);
		drop(&r.c);
	}
}

TEST(cancelled_receiver)
{
	race(1);
	return 0;
}

TEST(cancelled_sender)
{
	race(0);
	return 0;
}

/* Many at once ---------------------------------------------------------------------------------------------------- */

#define SIDES 4
#define EACH 3000

struct crowd {
	int_chan c;
	int64_t sent, got;
};

static int crowd_send(void *p)
{
	struct crowd *q = p;
	for (int i = 1; i <= EACH; i++) {
		CHECK_IS(ug_send(q->c, &i), 0);
		add_relaxed(&q->sent, (int64_t)i);
	}
	return 0;
}

static int crowd_recv(void *p)
{
	struct crowd *q = p;
	int v, last = -1;
	while ((last = ug_recv(q->c, &v)) == 0)
		add_relaxed(&q->got, (int64_t)v);
	CHECK_IS(last, -EPIPE);
	return 0;
}

TEST(crowd)
{
	for (size_t capacity = 0; capacity < 4; capacity += 1 + capacity) {
		struct crowd q = {.sent = 0};
		struct helper s[SIDES], r[SIDES];
		make(&q.c, capacity);
		for (int i = 0; i < SIDES; i++) {
			start(&s[i], crowd_send, &q);
			start(&r[i], crowd_recv, &q);
		}
		for (int i = 0; i < SIDES; i++)
			finish(&s[i]);
		CHECK_IS(ug_close(q.c), 0);
		for (int i = 0; i < SIDES; i++)
			finish(&r[i]);
		CHECK_IS(q.sent, (int64_t)SIDES * EACH * (EACH + 1) / 2);
		CHECK_IS(q.got, q.sent);
		drop(&q.c);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_nil),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_waiters_in_order),
		cmocka_unit_test(test_close_wakes_all),
		cmocka_unit_test(test_rendezvous),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_busy_while_someone_waits),
		cmocka_unit_test(test_ended_context_has_no_effect),
		cmocka_unit_test(test_cancelled_receiver),
		cmocka_unit_test(test_cancelled_sender),
		cmocka_unit_test(test_crowd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
