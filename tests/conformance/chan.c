/* SPDX-License-Identifier: MIT */
/*
 * Channels: sends, receives, capacity, close, nil. Written from the Go specification ("Channel types", "Send
 * statements", "Receive operator", "Close", "Length and capacity") and from what Go's chan_test.go demands.
 */
#include "actor.h"

/* Sending and receiving ------------------------------------------------------------------------------------------ */

static void unbuffered_send_waits_for_a_receiver(void)
{
	CHAN ch = chan_of(0);
	struct op s;
	op_start(&s, op_send, ch, 7);
	settle();
	CHECK_EQ(atomic_load(&s.done), 0);
	CHECK_EQ(next(ch), 7);
	CHECK_EQ(op_join(&s), 0);
}

static void unbuffered_receive_waits_for_a_sender(void)
{
	CHAN ch = chan_of(0);
	struct op r;
	op_start(&r, op_recv, ch, -1);
	settle();
	CHECK_EQ(atomic_load(&r.done), 0);
	CHECK_EQ(put(ch, 8), 0);
	CHECK_EQ(op_join(&r), 0);
	CHECK_EQ(r.value, 8);
}

static void buffered_sends_up_to_capacity_do_not_wait(void)
{
	CHAN ch = chan_of(3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(put(ch, i), 0);
	CHECK_EQ(try_put(ch, 3), -EAGAIN);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(next(ch), i);
	CHECK_EQ(try_next(ch), -EAGAIN);
}

static void full_buffer_makes_a_send_wait(void)
{
	CHAN ch = chan_of(1);
	CHECK_EQ(put(ch, 1), 0);
	struct op s;
	op_start(&s, op_send, ch, 2);
	settle();
	CHECK_EQ(atomic_load(&s.done), 0);
	CHECK_EQ(next(ch), 1);
	CHECK_EQ(op_join(&s), 0);
	CHECK_EQ(next(ch), 2);
}

static void empty_buffer_makes_a_receive_wait(void)
{
	CHAN ch = chan_of(4);
	struct op r;
	op_start(&r, op_recv, ch, -1);
	settle();
	CHECK_EQ(atomic_load(&r.done), 0);
	CHECK_EQ(put(ch, 5), 0);
	CHECK_EQ(op_join(&r), 0);
	CHECK_EQ(r.value, 5);
	CHECK_EQ(ug_len(ch), 0);
}

static int send_hundred(void *p)
{
	int_chan ch = *(int_chan *)p;
	for (int i = 0; i < 100; i++)
		UG_TRY(put(ch, i));
	return 0;
}

static void values_arrive_in_order(void)
{
	for (size_t capacity = 0; capacity <= 11; capacity += capacity ? 5 : 1) {
		CHAN ch = chan_of(capacity);
		struct actor a;
		start(&a, send_hundred, &ch);
		for (int i = 0; i < 100; i++)
			if (!CHECK_EQ(next(ch), i))
				break;
		CHECK_EQ(join(&a), 0);
	}
}

static void value_is_copied_when_sent(void)
{
	CHAN ch = chan_of(1);
	int v = 1;
	CHECK_EQ(ug_send(ch, &v), 0);
	v = 2;
	CHECK_EQ(next(ch), 1);
}

static void ring_wraps_like_a_queue(void)
{
	CHAN ch = chan_of(7);
	unsigned random = 1;
	int in = 0, out = 0;
	for (int step = 0; step < 5000; step++) {
		random = random * 1103515245 + 12345;
		if (random >> 16 & 1) {
			int e = try_put(ch, in);
			CHECK_EQ(e, in - out == 7 ? -EAGAIN : 0);
			in += e == 0;
		} else {
			int v = try_next(ch);
			CHECK_EQ(v, in == out ? -EAGAIN : out);
			out += v >= 0;
		}
		if (!CHECK_EQ(ug_len(ch), in - out))
			break;
	}
}

static void waiting_sender_fills_the_freed_place(void)
{
	CHAN ch = chan_of(2);
	CHECK_EQ(put(ch, 0), 0);
	CHECK_EQ(put(ch, 1), 0);
	struct op s;
	op_start(&s, op_send, ch, 2);
	settle();
	for (int i = 0; i < 3; i++)
		CHECK_EQ(next(ch), i); /* never 2 before 1 */
	CHECK_EQ(op_join(&s), 0);
}

/* Go's memory model: the k-th receive of a channel of capacity C comes before the (k+C)-th send is complete. */
struct gate {
	int_chan ch;
	atomic_int inside, most;
};

static int through_gate(void *p)
{
	struct gate *g = p;
	for (int i = 0; i < 50; i++) {
		UG_TRY(put(g->ch, i));
		int now = atomic_fetch_add(&g->inside, 1) + 1;
		int most = atomic_load(&g->most);
		while (now > most && !atomic_compare_exchange_weak(&g->most, &most, now))
			;
		ug_yield();
		atomic_fetch_sub(&g->inside, 1);
		if (next(g->ch) < 0)
			return -EIO;
	}
	return 0;
}

static void capacity_bounds_how_many_are_inside(void)
{
	CHAN ch = chan_of(3);
	struct gate g = {.ch = ch};
	struct actor a[8];
	for (int i = 0; i < 8; i++)
		start(&a[i], through_gate, &g);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(join(&a[i]), 0);
	CHECK(atomic_load(&g.most) <= 3);
}

struct plain {
	int_chan ch, back;
	int memory;
};

static int write_then_send(void *p)
{
	struct plain *m = p;
	for (int i = 1; i <= 100; i++) {
		m->memory = i;
		UG_TRY(put(m->ch, i));
		if (next(m->back) != i)
			return -EIO;
	}
	return 0;
}

static void send_publishes_what_came_before(void)
{
	for (size_t capacity = 0; capacity < 2; capacity++) {
		CHAN ch = chan_of(capacity);
		CHAN back = chan_of(capacity);
		struct plain m = {.ch = ch, .back = back};
		struct actor a;
		start(&a, write_then_send, &m);
		for (int i = 1; i <= 100; i++) {
			CHECK_EQ(next(ch), i);
			CHECK_EQ(m.memory, i);
			CHECK_EQ(put(back, i), 0);
		}
		CHECK_EQ(join(&a), 0);
	}
}

static int send_then_read(void *p)
{
	struct plain *m = p;
	for (int i = 1; i <= 100; i++) {
		UG_TRY(put(m->ch, i));
		if (m->memory != i)
			return -EIO;
		UG_TRY(put(m->back, i));
	}
	return 0;
}

static void receive_from_unbuffered_publishes_to_the_sender(void)
{
	CHAN ch = chan_of(0);
	CHAN back = chan_of(0);
	struct plain m = {.ch = ch, .back = back};
	struct actor a;
	start(&a, send_then_read, &m);
	for (int i = 1; i <= 100; i++) {
		m.memory = i;
		CHECK_EQ(next(ch), i);
		CHECK_EQ(next(back), i);
	}
	CHECK_EQ(join(&a), 0);
}

/* Trying --------------------------------------------------------------------------------------------------------- */

static void try_send_needs_a_waiting_receiver(void)
{
	CHAN ch = chan_of(0);
	CHECK_EQ(try_put(ch, 1), -EAGAIN);
	struct op r;
	op_start(&r, op_recv, ch, -1);
	int e = -EAGAIN;
	UNTIL((e = try_put(ch, 2)) != -EAGAIN);
	CHECK_EQ(e, 0);
	CHECK_EQ(op_join(&r), 0);
	CHECK_EQ(r.value, 2);
	CHECK_EQ(try_put(ch, 3), -EAGAIN);
}

static void try_recv_needs_a_waiting_sender(void)
{
	CHAN ch = chan_of(0);
	CHECK_EQ(try_next(ch), -EAGAIN);
	struct op s;
	op_start(&s, op_send, ch, 4);
	int v = -EAGAIN;
	UNTIL((v = try_next(ch)) != -EAGAIN);
	CHECK_EQ(v, 4);
	CHECK_EQ(op_join(&s), 0);
	CHECK_EQ(try_next(ch), -EAGAIN);
}

static void failed_try_leaves_everything_as_it_was(void)
{
	CHAN ch = chan_of(1);
	int v = 42;
	CHECK_EQ(ug_try_recv(ch, &v), -EAGAIN);
	CHECK_EQ(v, 42);
	CHECK_EQ(put(ch, 1), 0);
	CHECK_EQ(ug_try_send(ch, &v), -EAGAIN);
	CHECK_EQ(v, 42);
	CHECK_EQ(ug_len(ch), 1);
	CHECK_EQ(next(ch), 1);
}

static void try_works_in_an_ended_context(void)
{
	CHAN ch = chan_of(1);
	UG_WITH_TIMEOUT(0) {
		CHECK_EQ(try_put(ch, 1), 0);
		CHECK_EQ(try_next(ch), 1);
	}
}

/* Close ---------------------------------------------------------------------------------------------------------- */

static void close_lets_receivers_drain(void)
{
	CHAN ch = chan_of(3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(put(ch, i), 0);
	CHECK_EQ(ug_close(ch), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(next(ch), i);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(next(ch), -EPIPE);
}

static void receive_from_closed_leaves_the_output(void)
{
	CHAN ch = chan_of(0);
	CHECK_EQ(ug_close(ch), 0);
	int v = 42;
	CHECK_EQ(ug_recv(ch, &v), -EPIPE);
	CHECK_EQ(ug_try_recv(ch, &v), -EPIPE);
	CHECK_EQ(v, 42);
}

static void send_to_closed_fails_and_keeps_the_value(void)
{
	CHAN ch = chan_of(4);
	CHECK_EQ(put(ch, 1), 0);
	CHECK_EQ(ug_close(ch), 0);
	int v = 2;
	CHECK_EQ(ug_send(ch, &v), -EPIPE);
	CHECK_EQ(ug_try_send(ch, &v), -EPIPE);
	CHECK_EQ(v, 2);
	CHECK_EQ(next(ch), 1);
	CHECK_EQ(next(ch), -EPIPE);
}

static void try_recv_drains_a_closed_channel(void)
{
	CHAN ch = chan_of(2);
	CHECK_EQ(put(ch, 1), 0);
	CHECK_EQ(ug_close(ch), 0);
	CHECK_EQ(try_next(ch), 1);
	CHECK_EQ(try_next(ch), -EPIPE);
}

static void close_wakes_all_waiting_receivers(void)
{
	CHAN ch = chan_of(0);
	struct op r[6];
	for (int i = 0; i < 6; i++)
		op_start(&r[i], op_recv, ch, 42);
	settle();
	CHECK_EQ(ug_close(ch), 0);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(op_join(&r[i]), -EPIPE);
		CHECK_EQ(r[i].value, 42);
	}
}

static void close_fails_all_waiting_senders(void)
{
	CHAN ch = chan_of(0);
	struct op s[6];
	for (int i = 0; i < 6; i++)
		op_start(&s[i], op_send, ch, i);
	settle();
	CHECK_EQ(ug_close(ch), 0);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(op_join(&s[i]), -EPIPE);
		CHECK_EQ(s[i].value, i);
	}
	CHECK_EQ(next(ch), -EPIPE);
}

static void close_fails_waiting_senders_but_keeps_the_buffer(void)
{
	CHAN ch = chan_of(2);
	CHECK_EQ(put(ch, 0), 0);
	CHECK_EQ(put(ch, 1), 0);
	struct op s[3];
	for (int i = 0; i < 3; i++)
		op_start(&s[i], op_send, ch, 10 + i);
	settle();
	CHECK_EQ(ug_close(ch), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(op_join(&s[i]), -EPIPE);
	CHECK_EQ(next(ch), 0);
	CHECK_EQ(next(ch), 1);
	CHECK_EQ(next(ch), -EPIPE);
}

static void closing_twice_fails(void)
{
	CHAN ch = chan_of(0);
	CHECK_EQ(ug_close(ch), 0);
	CHECK_EQ(ug_close(ch), -EPIPE);
}

static void close_works_in_an_ended_context(void)
{
	CHAN ch = chan_of(1);
	CHECK_EQ(put(ch, 1), 0);
	UG_WITH_TIMEOUT(0)
		CHECK_EQ(ug_close(ch), 0);
	CHECK_EQ(next(ch), 1);
	CHECK_EQ(next(ch), -EPIPE);
}

static int close_it(void *p)
{
	return ug_close(*(int_chan *)p);
}

static void one_of_many_closers_wins(void)
{
	for (int round = 0; round < 20; round++) {
		CHAN ch = chan_of(0);
		struct actor a[4];
		int won = 0;
		for (int i = 0; i < 4; i++)
			start(&a[i], close_it, &ch);
		for (int i = 0; i < 4; i++) {
			int e = join(&a[i]);
			CHECK(e == 0 || e == -EPIPE);
			won += e == 0;
		}
		CHECK_EQ(won, 1);
	}
}

static int count_all(void *p)
{
	int_chan ch = *(int_chan *)p;
	int n = 0, e;
	for (int v; (e = ug_recv(ch, &v)) == 0;)
		n++;
	return e == -EPIPE ? n : e;
}

static void range_ends_at_close(void)
{
	CHAN ch = chan_of(2);
	struct actor a;
	start(&a, count_all, &ch);
	for (int i = 0; i < 40; i++)
		CHECK_EQ(put(ch, i), 0);
	CHECK_EQ(ug_close(ch), 0);
	CHECK_EQ(join(&a), 40);
}

/* Nil ------------------------------------------------------------------------------------------------------------ */

static void nil_send_waits_for_the_context(void)
{
	int_chan nil = UG_NIL;
	int64_t begin = ug_now();
	UG_WITH_TIMEOUT(5 * UG_MS)
		CHECK_EQ(put(nil, 1), -ETIMEDOUT);
	CHECK(ug_now() - begin >= 5 * UG_MS);
}

static void nil_receive_waits_for_the_context(void)
{
	int_chan nil = UG_NIL;
	int64_t begin = ug_now();
	UG_WITH_TIMEOUT(5 * UG_MS)
		CHECK_EQ(next(nil), -ETIMEDOUT);
	CHECK(ug_now() - begin >= 5 * UG_MS);
}

static void nil_never_tries(void)
{
	int_chan nil = UG_NIL;
	CHECK_EQ(try_put(nil, 1), -EAGAIN);
	CHECK_EQ(try_next(nil), -EAGAIN);
}

static void nil_has_no_length_and_cannot_be_closed(void)
{
	int_chan nil = UG_NIL;
	CHECK_EQ(ug_len(nil), 0);
	CHECK_EQ(ug_cap(nil), 0);
	CHECK_EQ(ug_close(nil), -EINVAL);
	CHECK_EQ(ug_chan_ref(&nil), 0);
	CHECK_EQ(ug_chan_unref(&nil), 0);
}

/* Length and capacity -------------------------------------------------------------------------------------------- */

static void length_and_capacity(void)
{
	CHAN ch = chan_of(5);
	CHECK_EQ(ug_cap(ch), 5);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(ug_len(ch), i);
		CHECK_EQ(put(ch, i), 0);
	}
	CHECK_EQ(ug_len(ch), 5);
	CHECK_EQ(ug_close(ch), 0);
	CHECK_EQ(ug_len(ch), 5);
	CHECK_EQ(ug_cap(ch), 5);
	CHECK_EQ(next(ch), 0);
	CHECK_EQ(ug_len(ch), 4);
	while (next(ch) >= 0)
		;
	CHECK_EQ(ug_len(ch), 0);
}

static void waiting_senders_do_not_count(void)
{
	CHAN ch = chan_of(0);
	CHECK_EQ(ug_cap(ch), 0);
	struct op s[2];
	for (int i = 0; i < 2; i++)
		op_start(&s[i], op_send, ch, i);
	settle();
	CHECK_EQ(ug_len(ch), 0);
	CHECK_EQ(next(ch) + next(ch), 1);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(op_join(&s[i]), 0);
}

static void impossible_channels_are_refused(void)
{
	ug_chan *c = NULL;
	int e = ug_chan_make(&c, sizeof(int), SIZE_MAX, NULL);
	CHECK(e == -EINVAL || e == -ENOMEM);
	e = ug_chan_make(&c, SIZE_MAX / 2, 3, NULL);
	CHECK(e == -EINVAL || e == -ENOMEM);
	e = ug_chan_make(&c, SIZE_MAX / 4 + 1, 4, NULL);
	CHECK(e == -EINVAL || e == -ENOMEM);
	CHECK(c == NULL);
}

static const struct CMUnitTest tests[] = {
	ALL(unbuffered_send_waits_for_a_receiver),
	ALL(unbuffered_receive_waits_for_a_sender),
	ALL(buffered_sends_up_to_capacity_do_not_wait),
	ALL(full_buffer_makes_a_send_wait),
	ALL(empty_buffer_makes_a_receive_wait),
	ALL(values_arrive_in_order),
	ALL(value_is_copied_when_sent),
	ALL(ring_wraps_like_a_queue),
	ALL(waiting_sender_fills_the_freed_place),
	ALL(capacity_bounds_how_many_are_inside),
	ALL(send_publishes_what_came_before),
	ALL(receive_from_unbuffered_publishes_to_the_sender),
	ALL(try_send_needs_a_waiting_receiver),
	ALL(try_recv_needs_a_waiting_sender),
	ALL(failed_try_leaves_everything_as_it_was),
	ALL(try_works_in_an_ended_context),
	ALL(close_lets_receivers_drain),
	ALL(receive_from_closed_leaves_the_output),
	ALL(send_to_closed_fails_and_keeps_the_value),
	ALL(try_recv_drains_a_closed_channel),
	ALL(close_wakes_all_waiting_receivers),
	ALL(close_fails_all_waiting_senders),
	ALL(close_fails_waiting_senders_but_keeps_the_buffer),
	ALL(closing_twice_fails),
	ALL(close_works_in_an_ended_context),
	ALL(one_of_many_closers_wins),
	ALL(range_ends_at_close),
	ALL(nil_send_waits_for_the_context),
	ALL(nil_receive_waits_for_the_context),
	ALL(nil_never_tries),
	ALL(nil_has_no_length_and_cannot_be_closed),
	ALL(length_and_capacity),
	ALL(waiting_senders_do_not_count),
	ALL(impossible_channels_are_refused),
	BARE(unbuffered_send_waits_for_a_receiver),
	BARE(values_arrive_in_order),
	BARE(capacity_bounds_how_many_are_inside),
	BARE(close_wakes_all_waiting_receivers),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
