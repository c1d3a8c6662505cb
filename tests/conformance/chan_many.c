/* SPDX-License-Identifier: MIT */
/*
 * Channels under many actors: each value is received exactly once or its send failed; element types; references and
 * values that were never received; order of those who wait. After Go's chan_test.go (TestChan, TestMultiConsumer,
 * TestSelfSelect's cousins) and the programs test/chan/sieve1.go, powser1.go.
 */
#include "actor.h"

/* Each value once ------------------------------------------------------------------------------------------------ */

enum { MAKERS = 4, TAKERS = 4, EACH = 250 };

struct traffic {
	int_chan ch;
	atomic_int seen[MAKERS * EACH];
	atomic_int next_maker, sum_failed;
};

static int make_values(void *p)
{
	struct traffic *t = p;
	int me = atomic_fetch_add(&t->next_maker, 1);
	for (int i = 0; i < EACH; i++)
		UG_TRY(put(t->ch, me * EACH + i));
	return 0;
}

static int take_values(void *p)
{
	struct traffic *t = p;
	int e, last[MAKERS] = {0};
	while ((e = next(t->ch)) >= 0) {
		atomic_fetch_add(&t->seen[e], 1);
		if (last[e / EACH] > e + 1)
			return -EIO; /* one sender's values went backwards */
		last[e / EACH] = e + 1;
	}
	return e == -EPIPE ? 0 : e;
}

static void carry(size_t capacity)
{
	CHAN ch = chan_of(capacity);
	static struct traffic t;
	memset(&t, 0, sizeof t);
	t.ch = ch;
	struct actor maker[MAKERS], taker[TAKERS];
	for (int i = 0; i < TAKERS; i++)
		start(&taker[i], take_values, &t);
	for (int i = 0; i < MAKERS; i++)
		start(&maker[i], make_values, &t);
	for (int i = 0; i < MAKERS; i++)
		CHECK_EQ(join(&maker[i]), 0);
	CHECK_EQ(ug_close(ch), 0);
	for (int i = 0; i < TAKERS; i++)
		CHECK_EQ(join(&taker[i]), 0);
	for (int i = 0; i < MAKERS * EACH; i++)
		if (!CHECK_EQ(atomic_load(&t.seen[i]), 1))
			break;
}

static void unbuffered_carries_each_value_once(void)
{
	carry(0);
}

static void capacity_one_carries_each_value_once(void)
{
	carry(1);
}

static void buffered_carries_each_value_once(void)
{
	carry(16);
}

static void close_in_the_middle_loses_nothing(void)
{
	for (size_t capacity = 0; capacity < 4; capacity += 3) {
		CHAN ch = chan_of(capacity);
		static struct traffic t;
		memset(&t, 0, sizeof t);
		t.ch = ch;
		struct actor maker[2], taker;
		for (int i = 0; i < 2; i++)
			start(&maker[i], make_values, &t);
		start(&taker, take_values, &t);
		settle();
		CHECK_EQ(ug_close(ch), 0);
		for (int i = 0; i < 2; i++) {
			int e = join(&maker[i]);
			CHECK(e == 0 || e == -EPIPE);
		}
		CHECK_EQ(join(&taker), 0);
		/* what arrived is a head of each sender's values, without a hole */
		for (int m = 0; m < 2; m++)
			for (int i = 1; i < EACH; i++)
				CHECK(atomic_load(&t.seen[m * EACH + i]) <= atomic_load(&t.seen[m * EACH + i - 1]));
	}
}

/* Sends against cancellations: who received is who was told 0. */
struct race {
	int_chan ch;
	int64_t patience;
	atomic_int accepted;
};

static int send_impatiently(void *p)
{
	struct race *r = p;
	for (int i = 0; i < 200; i++) {
		UG_WITH_TIMEOUT(r->patience) {
			int e = put(r->ch, 1);
			if (e == 0)
				atomic_fetch_add(&r->accepted, 1);
			else if (e != -ETIMEDOUT)
				return e;
		}
	}
	return 0;
}

/* With more patience each time that it was not enough: where the machine is slow, it may be over before the receive
 * begins. */
static int receive_impatiently(void *p)
{
	struct race *r = p;
	int got = 0;
	for (int64_t patience = r->patience;;) {
		UG_WITH_TIMEOUT(patience) {
			int e = next(r->ch);
			if (e == -EPIPE)
				return got;
			if (e != 1 && e != -ETIMEDOUT)
				return e;
			got += e == 1;
			patience = e == 1 ? r->patience : patience + r->patience;
		}
	}
}

static void completed_transfers_never_turn_into_errors(void)
{
	for (size_t capacity = 0; capacity < 2; capacity++) {
		CHAN ch = chan_of(capacity);
		struct race r = {.ch = ch, .patience = 20 * UG_US};
		struct actor s[2], t[2];
		for (int i = 0; i < 2; i++) {
			start(&s[i], send_impatiently, &r);
			start(&t[i], receive_impatiently, &r);
		}
		for (int i = 0; i < 2; i++)
			CHECK_EQ(join(&s[i]), 0);
		CHECK_EQ(ug_close(ch), 0);
		int got = 0;
		for (int i = 0; i < 2; i++) {
			int n = join(&t[i]);
			CHECK(n >= 0);
			got += n;
		}
		CHECK_EQ(got, atomic_load(&r.accepted));
	}
}

/* Shapes of programs --------------------------------------------------------------------------------------------- */

struct table {
	int_chan in, out;
	int rounds;
};

static int echo(void *p)
{
	struct table *t = p;
	for (int v; (v = next(t->in)) >= 0;)
		UG_TRY(put(t->out, v + 1));
	return ug_close(t->out);
}

static void ping_pong(void)
{
	CHAN ping = chan_of(0);
	CHAN pong = chan_of(0);
	struct table t = {.in = ping, .out = pong};
	struct actor a;
	start(&a, echo, &t);
	int v = 0;
	for (int i = 0; i < 500 && v >= 0; i++) {
		CHECK_EQ(put(ping, v), 0);
		v = next(pong);
	}
	CHECK_EQ(v, 500);
	CHECK_EQ(ug_close(ping), 0);
	CHECK_EQ(next(pong), -EPIPE);
	CHECK_EQ(join(&a), 0);
}

static void chain_of_stages(void)
{
	enum { STAGES = 20 };
	int_chan ch[STAGES + 1];
	struct table t[STAGES];
	struct actor a[STAGES];
	for (int i = 0; i <= STAGES; i++)
		ch[i] = chan_of(i % 3);
	for (int i = 0; i < STAGES; i++) {
		t[i] = (struct table){.in = ch[i], .out = ch[i + 1]};
		start(&a[i], echo, &t[i]);
	}
	struct op s;
	op_start(&s, op_send, ch[0], 100);
	CHECK_EQ(next(ch[STAGES]), 100 + STAGES);
	CHECK_EQ(op_join(&s), 0);
	CHECK_EQ(ug_close(ch[0]), 0); /* and the end runs down the chain */
	CHECK_EQ(next(ch[STAGES]), -EPIPE);
	for (int i = 0; i < STAGES; i++)
		CHECK_EQ(join(&a[i]), 0);
	for (int i = 0; i <= STAGES; i++)
		chan_end(&ch[i]);
}

struct sieve {
	int_chan in, out;
	int prime;
};

static int keep_indivisible(void *p)
{
	struct sieve *s = p;
	for (int v; (v = next(s->in)) >= 0;)
		if (v % s->prime)
			UG_TRY(put(s->out, v));
	return ug_close(s->out);
}

static int count_up(void *p)
{
	int_chan ch = *(int_chan *)p;
	for (int i = 2; i < 60; i++)
		UG_TRY(put(ch, i));
	return ug_close(ch);
}

static void prime_sieve(void)
{
	static const int primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59};
	enum { N = UG_COUNT_OF(primes) };
	struct sieve s[N];
	struct actor a[N + 1];
	int_chan first = chan_of(0), ch = first;
	start(&a[N], count_up, &first);
	for (size_t i = 0; i < N; i++) {
		int p = next(ch);
		if (!CHECK_EQ(p, primes[i]))
			p = primes[i];
		s[i] = (struct sieve){.in = ch, .out = chan_of(0), .prime = p};
		start(&a[i], keep_indivisible, &s[i]);
		ch = s[i].out;
	}
	CHECK_EQ(next(ch), -EPIPE);
	for (size_t i = 0; i <= N; i++)
		CHECK_EQ(join(&a[i]), 0);
	for (size_t i = 0; i < N; i++)
		chan_end(&s[i].in);
	chan_end(&ch);
}

typedef UG_CHAN(int_chan) int_chan_chan;

static int answer(void *p)
{
	int_chan_chan requests = *(int_chan_chan *)p;
	int n = 0, e;
	for (int_chan reply; (e = ug_recv(requests, &reply)) == 0;)
		UG_TRY(put(reply, n++));
	return e == -EPIPE ? n : e;
}

static void channels_travel_through_channels(void)
{
	int_chan_chan requests = UG_NIL;
	CHECK_EQ(ug_chan_new(&requests, 0), 0);
	CHAN mine = chan_of(0);
	struct actor a;
	start(&a, answer, &requests);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(ug_send(requests, &mine), 0);
		CHECK_EQ(next(mine), i);
	}
	CHECK_EQ(ug_close(requests), 0);
	CHECK_EQ(join(&a), 20);
	CHECK_EQ(ug_chan_unref(&requests), 0);
}

/* Elements ------------------------------------------------------------------------------------------------------- */

struct page {
	unsigned char bytes[4096];
};
typedef UG_CHAN(struct page) page_chan;

static int send_pages(void *p)
{
	page_chan ch = *(page_chan *)p;
	for (int i = 0; i < 20; i++) {
		struct page page;
		memset(page.bytes, i, sizeof page.bytes);
		UG_TRY(ug_send(ch, &page));
	}
	return 0;
}

static void large_elements_arrive_whole(void)
{
	for (size_t capacity = 0; capacity < 3; capacity += 2) {
		page_chan ch = UG_NIL;
		CHECK_EQ(ug_chan_new(&ch, capacity), 0);
		struct actor a;
		start(&a, send_pages, &ch);
		for (int i = 0; i < 20; i++) {
			struct page page;
			memset(&page, 0xff, sizeof page);
			CHECK_EQ(ug_recv(ch, &page), 0);
			size_t wrong = 0;
			for (size_t k = 0; k < sizeof page.bytes; k++)
				wrong += page.bytes[k] != i;
			CHECK_EQ(wrong, 0);
		}
		CHECK_EQ(join(&a), 0);
		CHECK_EQ(ug_chan_unref(&ch), 0);
	}
}

typedef UG_CHAN(unsigned char) byte_chan;

static void small_elements_touch_nothing_else(void)
{
	byte_chan ch = UG_NIL;
	CHECK_EQ(ug_chan_new(&ch, 3), 0);
	unsigned char around[3] = {1, 2, 3}, in = 9;
	CHECK_EQ(ug_send(ch, &in), 0);
	CHECK_EQ(ug_recv(ch, &around[1]), 0);
	CHECK(around[0] == 1 && around[1] == 9 && around[2] == 3);
	CHECK_EQ(ug_chan_unref(&ch), 0);
}

struct nothing {
};
typedef UG_CHAN(struct nothing) signal_chan;

static int send_nothing(void *p)
{
	signal_chan ch = *(signal_chan *)p;
	struct nothing n;
	for (int i = 0; i < 10; i++)
		UG_TRY(ug_send(ch, &n));
	return ug_close(ch);
}

static void empty_elements_still_synchronise(void)
{
	for (size_t capacity = 0; capacity < 5; capacity += 4) {
		signal_chan ch = UG_NIL;
		if (!CHECK_EQ(ug_chan_new(&ch, capacity), 0))
			return;
		struct actor a;
		start(&a, send_nothing, &ch);
		struct nothing n;
		int count = 0, e;
		while ((e = ug_recv(ch, &n)) == 0)
			count++;
		CHECK_EQ(e, -EPIPE);
		CHECK_EQ(count, 10);
		CHECK_EQ(join(&a), 0);
		CHECK_EQ(ug_chan_unref(&ch), 0);
	}
}

/* References and what was never received ------------------------------------------------------------------------- */

static int dropped[16];
static atomic_int drops;

static void note_drop(void *value)
{
	dropped[atomic_fetch_add(&drops, 1) % 16] = *(int *)value;
}

static int_chan droppable(size_t capacity)
{
	int_chan ch = UG_NIL;
	struct ug_chan_opts opts = {.drop = note_drop};
	atomic_store(&drops, 0);
	CHECK_EQ(ug_chan_new_with(&ch, capacity, &opts), 0);
	return ch;
}

static void undelivered_values_are_dropped_once(void)
{
	int_chan ch = droppable(4);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(put(ch, i), 0);
	CHECK_EQ(next(ch), 0);
	CHECK_EQ(ug_close(ch), 0);
	CHECK_EQ(atomic_load(&drops), 0);
	CHECK_EQ(ug_chan_unref(&ch), 0);
	CHECK_EQ(atomic_load(&drops), 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(dropped[i], i + 1);
}

static void failed_sends_are_not_dropped(void)
{
	int_chan ch = droppable(1);
	CHECK_EQ(put(ch, 1), 0);
	CHECK_EQ(try_put(ch, 2), -EAGAIN);
	UG_WITH_TIMEOUT(0)
		CHECK_EQ(put(ch, 3), -ETIMEDOUT);
	CHECK_EQ(ug_close(ch), 0);
	CHECK_EQ(put(ch, 4), -EPIPE);
	CHECK_EQ(next(ch), 1);
	CHECK_EQ(ug_chan_unref(&ch), 0);
	CHECK_EQ(atomic_load(&drops), 0);
}

static void last_reference_decides(void)
{
	int_chan ch = droppable(1);
	CHECK_EQ(put(ch, 5), 0);
	int_chan second = ch;
	CHECK_EQ(ug_chan_ref(&second), 0);
	CHECK_EQ(ug_chan_unref(&ch), 0);
	CHECK(ch.core == NULL);
	CHECK_EQ(atomic_load(&drops), 0);
	CHECK_EQ(ug_len(second), 1);
	CHECK_EQ(ug_chan_unref(&second), 0);
	CHECK_EQ(atomic_load(&drops), 1);
}

struct sleeper {
	int_chan ch;
	atomic_int tid;
};

static int send_as_thread(void *p)
{
	struct sleeper *s = p;
	atomic_store(&s->tid, thread_id());
	return put(s->ch, 1);
}

static void last_reference_stays_while_someone_waits(void)
{
	int_chan ch = chan_of(0);
	struct sleeper s = {.ch = ch};
	struct actor a;
	start_thread(&a, send_as_thread, &s); /* whether a thread waits can be seen */
	UNTIL(atomic_load(&s.tid) && thread_sleeps(atomic_load(&s.tid)));
	CHECK_EQ(ug_chan_unref(&ch), -EBUSY);
	CHECK(ch.core != NULL);
	CHECK_EQ(next(ch), 1);
	CHECK_EQ(join(&a), 0);
	CHECK_EQ(ug_chan_unref(&ch), 0);
	CHECK(ch.core == NULL);
}

/* Who waits first is served first --------------------------------------------------------------------------------- */

/* Starts five in turn, each after the last has had time to wait. */
static void queue_five(struct op o[5], ug_fn *fn, int_chan ch, struct whereabouts *where)
{
	note_thread(where);
	for (int i = 0; i < 5; i++) {
		op_start(&o[i], fn, ch, i);
		settle();
		note_thread(where);
	}
}

static void receivers_are_served_in_order(void)
{
	for (int known = 0; !known;) {
		CHAN ch = chan_of(0);
		struct whereabouts where = {0};
		struct op r[5];
		queue_five(r, op_recv, ch, &where);
		known = !atomic_load(&where.moved);
		for (int i = 0; i < 5; i++)
			CHECK_EQ(put(ch, i), 0);
		for (int i = 0; i < 5; i++) {
			CHECK_EQ(op_join(&r[i]), 0);
			if (known)
				CHECK_EQ(r[i].value, i);
		}
	}
}

static int senders_served_once(size_t capacity)
{
	CHAN ch = chan_of(capacity);
	struct whereabouts where = {0};
	struct op s[5];
	queue_five(s, op_send, ch, &where);
	int known = !atomic_load(&where.moved);
	for (int i = 0; i < 5; i++) {
		int v = next(ch);
		CHECK_EQ(known ? v : i, i);
	}
	for (int i = 0; i < 5; i++)
		CHECK_EQ(op_join(&s[i]), 0);
	return known;
}

static void senders_are_served_in_order(void)
{
	for (size_t capacity = 0; capacity < 2; capacity++)
		while (!senders_served_once(capacity))
			;
}

struct stream {
	int_chan ch;
	int value;
};

static int send_for_ever(void *p)
{
	struct stream *s = p;
	int e;
	while ((e = put(s->ch, s->value)) == 0)
		;
	return e == -EPIPE ? 0 : e;
}

static void no_sender_starves(void)
{
	CHAN ch = chan_of(0);
	struct stream s[3];
	struct actor a[3];
	int count[3] = {0};
	for (int i = 0; i < 3; i++) {
		s[i] = (struct stream){.ch = ch, .value = i};
		start(&a[i], send_for_ever, &s[i]);
	}
	settle();
	int rounds = 0;
	while (rounds < 3000 || ((!count[0] || !count[1] || !count[2]) && rounds < 1000000)) {
		int v = next(ch);
		if (!CHECK(v >= 0))
			break;
		count[v]++;
		rounds++;
	}
	CHECK_EQ(ug_close(ch), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(join(&a[i]), 0);
		CHECK(count[i] > 0);
	}
}

static const struct CMUnitTest tests[] = {
	ALL(unbuffered_carries_each_value_once),
	ALL(capacity_one_carries_each_value_once),
	ALL(buffered_carries_each_value_once),
	ALL(close_in_the_middle_loses_nothing),
	ALL(completed_transfers_never_turn_into_errors),
	ALL(ping_pong),
	ALL(chain_of_stages),
	ALL(prime_sieve),
	ALL(channels_travel_through_channels),
	ALL(large_elements_arrive_whole),
	ALL(small_elements_touch_nothing_else),
	ALL(empty_elements_still_synchronise),
	ALL(undelivered_values_are_dropped_once),
	ALL(failed_sends_are_not_dropped),
	ALL(last_reference_decides),
	ALL(last_reference_stays_while_someone_waits),
	ALONE(receivers_are_served_in_order),
	ALONE(senders_are_served_in_order),
	ALL(no_sender_starves),
	BARE(buffered_carries_each_value_once),
	BARE(ping_pong),
	BARE(prime_sieve),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
