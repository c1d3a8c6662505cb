/* SPDX-License-Identifier: MIT */
/*
 * Selects that wait: who wakes them and what they leave behind; races between select, close and cancellation. After
 * Go's TestNonblockRecvRace, TestNonblockSelectRace, TestSelectStress and TestSelectProdCons.
 */
#include "actor.h"

/* An actor in a select of two receives. */
struct chooser {
	struct actor actor;
	int_chan a, b;
	int64_t patience; /* not 0: a time-out around it */
	int index, result, value;
	atomic_int done;
};

static int choose(void *p)
{
	struct chooser *s = p;
	struct ug_case c[] = {UG_RECV(s->a, &s->value), UG_RECV(s->b, &s->value)};
	UG_WITH_TIMEOUT(s->patience ? s->patience : UG_HOUR)
		s->index = ug_select(c, 2);
	s->result = s->index >= 0 ? c[s->index].result : 0;
	atomic_store(&s->done, 1);
	return 0;
}

static void choose_start(struct chooser *s, int_chan a, int_chan b)
{
	s->a = a;
	s->b = b;
	s->index = s->value = -1;
	atomic_init(&s->done, 0);
	start(&s->actor, choose, s);
}

static void waits_until_a_case_can_go_on(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(0);
	struct chooser s = {.patience = 0};
	choose_start(&s, a, b);
	settle();
	CHECK_EQ(atomic_load(&s.done), 0);
	CHECK_EQ(put(b, 3), 0);
	join(&s.actor);
	CHECK_EQ(s.index, 1);
	CHECK_EQ(s.value, 3);
}

static void close_wakes_a_waiting_select(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(0);
	struct chooser s = {.patience = 0};
	choose_start(&s, a, b);
	settle();
	CHECK_EQ(ug_close(a), 0);
	join(&s.actor);
	CHECK_EQ(s.index, 0);
	CHECK_EQ(s.result, -EPIPE);
	CHECK_EQ(s.value, -1);
}

static int offer_two(void *p)
{
	struct chooser *s = p;
	struct ug_case c[] = {UG_SEND(s->a, &s->value), UG_SEND(s->b, &s->value)};
	s->index = ug_select(c, 2);
	s->result = s->index >= 0 ? c[s->index].result : 0;
	return 0;
}

static void close_fails_a_waiting_send_case(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(1);
	CHECK_EQ(put(b, 0), 0);
	struct chooser s = {.a = a, .b = b, .value = 9};
	start(&s.actor, offer_two, &s);
	settle();
	CHECK_EQ(ug_close(b), 0);
	join(&s.actor);
	CHECK_EQ(s.index, 1);
	CHECK_EQ(s.result, -EPIPE);
	CHECK_EQ(next(b), 0);
	CHECK_EQ(next(b), -EPIPE);
	CHECK_EQ(try_next(a), -EAGAIN);
}

static void waiting_send_case_delivers(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(0);
	struct chooser s = {.a = a, .b = b, .value = 9};
	start(&s.actor, offer_two, &s);
	settle();
	CHECK_EQ(next(b), 9);
	join(&s.actor);
	CHECK_EQ(s.index, 1);
	CHECK_EQ(s.result, 0);
	CHECK_EQ(try_next(a), -EAGAIN);
}

static void one_value_wakes_one_select(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(0);
	struct chooser s[4] = {{.patience = 0}};
	for (int i = 0; i < 4; i++)
		choose_start(&s[i], a, b);
	settle();
	for (int i = 0; i < 4; i++)
		CHECK_EQ(put(i % 2 ? a : b, i), 0);
	int seen = 0;
	for (int i = 0; i < 4; i++) {
		join(&s[i].actor);
		seen |= 1 << s[i].value;
		CHECK_EQ(s[i].index, s[i].value % 2 ? 0 : 1);
	}
	CHECK_EQ(seen, 15);
}

static void cancelled_select_leaves_nothing_behind(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(0);
	struct chooser s = {.patience = UG_MS};
	choose_start(&s, a, b);
	join(&s.actor);
	CHECK_EQ(s.index, -ETIMEDOUT);
	CHECK_EQ(try_put(a, 1), -EAGAIN);
	CHECK_EQ(try_put(b, 1), -EAGAIN);
}

static void winning_case_takes_the_losers_back(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(0);
	struct chooser s = {.patience = 0};
	choose_start(&s, a, b);
	CHECK_EQ(put(a, 1), 0);
	join(&s.actor);
	CHECK_EQ(try_put(b, 1), -EAGAIN);
	struct op r;
	op_start(&r, op_recv, b, -1);
	CHECK_EQ(put(b, 2), 0);
	CHECK_EQ(op_join(&r), 0);
	CHECK_EQ(r.value, 2);
}

static int choose_impatiently(void *p)
{
	int_chan *ch = p;
	int got = 0;
	for (int64_t patience = 20 * UG_US;; patience += 20 * UG_US) {
		int v = 0, k = -ETIMEDOUT;
		struct ug_case c[] = {UG_RECV(ch[0], &v), UG_RECV(ch[1], &v)};
		UG_WITH_TIMEOUT(patience)
			k = ug_select(c, 2);
		if (k == -ETIMEDOUT)
			continue; /* more patience: on a slow machine it may be over before the select begins */
		if (k < 0)
			return k;
		if (c[k].result == -EPIPE)
			return got;
		got += v;
		patience = 0;
	}
}

struct impatient_sender {
	int_chan ch[2];
	int accepted;
};

static int offer_impatiently(void *p)
{
	struct impatient_sender *s = p;
	for (int i = 0; i < 200; i++) {
		int v = 1, k = -ETIMEDOUT;
		struct ug_case c[] = {UG_SEND(s->ch[0], &v), UG_SEND(s->ch[1], &v)};
		UG_WITH_TIMEOUT(20 * UG_US)
			k = ug_select(c, 2);
		if (k < 0 && k != -ETIMEDOUT)
			return k;
		s->accepted += k >= 0;
	}
	return 0;
}

static void selects_under_cancellation_lose_nothing(void)
{
	int_chan ch[2] = {chan_of(0), chan_of(1)};
	struct impatient_sender s[2];
	struct actor sender[2], receiver[2];
	for (int i = 0; i < 2; i++) {
		s[i] = (struct impatient_sender){.ch = {ch[0], ch[1]}};
		start(&sender[i], offer_impatiently, &s[i]);
		start(&receiver[i], choose_impatiently, ch);
	}
	int accepted = 0, got = 0;
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(join(&sender[i]), 0);
		accepted += s[i].accepted;
	}
	CHECK_EQ(ug_close(ch[0]), 0);
	for (int i = 0; i < 2; i++) {
		int n = join(&receiver[i]);
		CHECK(n >= 0);
		got += n;
	}
	while (try_next(ch[1]) == 1)
		got++;
	CHECK_EQ(got, accepted);
	chan_end(&ch[0]);
	chan_end(&ch[1]);
}

/* Go's races ----------------------------------------------------------------------------------------------------- */

static int must_not_see_default(void *p)
{
	int_chan *ch = p;
	int v;
	struct ug_case c[] = {UG_RECV(ch[0], &v), UG_RECV(ch[1], &v), UG_DEFAULT};
	return ug_select(c, 3) == 2 ? -EIO : 0;
}

/* TestNonblockSelectRace: one of the two is ready at every moment, so default may not fire. */
static void default_does_not_race_with_close(void)
{
	for (int i = 0; i < 300; i++) {
		int_chan ch[2] = {chan_of(1), chan_of(1)};
		CHECK_EQ(put(ch[0], 1), 0);
		struct actor a;
		start(&a, must_not_see_default, ch);
		CHECK_EQ(ug_close(ch[1]), 0);
		(void)try_next(ch[0]);
		if (!CHECK_EQ(join(&a), 0))
			i = 300;
		chan_end(&ch[0]);
		chan_end(&ch[1]);
	}
}

static int must_be_ready(void *p)
{
	int_chan ch = *(int_chan *)p;
	int e = try_next(ch);
	return e == -EAGAIN ? -EIO : 0;
}

/* TestNonblockRecvRace: a buffered value, then a close: never "not ready". */
static void try_does_not_race_with_close(void)
{
	for (int i = 0; i < 300; i++) {
		CHAN ch = chan_of(1);
		CHECK_EQ(put(ch, 1), 0);
		struct actor a;
		start(&a, must_be_ready, &ch);
		CHECK_EQ(ug_close(ch), 0);
		(void)try_next(ch);
		if (!CHECK_EQ(join(&a), 0))
			break;
	}
}

/* TestSelectStress: four channels, each with a plain sender, a plain receiver, and all of them in two selects. */
enum { CHANNELS = 4, VALUES = 300 };
struct stress {
	int_chan ch[CHANNELS];
	atomic_int next;
};

static int stress_send(void *p)
{
	struct stress *s = p;
	int me = atomic_fetch_add(&s->next, 1) % CHANNELS;
	for (int i = 0; i < VALUES; i++)
		UG_TRY(put(s->ch[me], 1));
	return 0;
}

static int stress_receive(void *p)
{
	struct stress *s = p;
	int me = atomic_fetch_add(&s->next, 1) % CHANNELS;
	for (int i = 0; i < VALUES; i++)
		if (next(s->ch[me]) != 1)
			return -EIO;
	return 0;
}

static int stress_select(struct stress *s, int sending)
{
	int left[CHANNELS], total = 0, v = 1;
	int_chan nil = UG_NIL, ch[CHANNELS];
	for (int i = 0; i < CHANNELS; i++) {
		left[i] = VALUES;
		ch[i] = s->ch[i];
	}
	for (; total < CHANNELS * VALUES; total++) {
		struct ug_case in[] = {UG_RECV(ch[3], &v), UG_RECV(ch[2], &v), UG_RECV(ch[0], &v), UG_RECV(ch[1], &v)};
		struct ug_case out[] = {UG_SEND(ch[3], &v), UG_SEND(ch[2], &v), UG_SEND(ch[0], &v), UG_SEND(ch[1], &v)};
		static const int order[] = {3, 2, 0, 1};
		int k = ug_select(sending ? out : in, 4);
		if (k < 0)
			return k;
		if (--left[order[k]] == 0)
			ch[order[k]] = nil;
	}
	return 0;
}

static int stress_select_send(void *p)
{
	return stress_select(p, 1);
}

static int stress_select_receive(void *p)
{
	return stress_select(p, 0);
}

static void select_stress(void)
{
	struct stress s = {.next = 0};
	struct actor a[2 * CHANNELS + 2];
	int n = 0;
	for (int i = 0; i < CHANNELS; i++)
		s.ch[i] = chan_of(i < 2 ? 0 : (size_t)i);
	for (int i = 0; i < CHANNELS; i++)
		start(&a[n++], stress_send, &s);
	UNTIL(atomic_load(&s.next) == CHANNELS);
	for (int i = 0; i < CHANNELS; i++)
		start(&a[n++], stress_receive, &s);
	start(&a[n++], stress_select_send, &s);
	start(&a[n++], stress_select_receive, &s);
	for (int i = 0; i < n; i++)
		CHECK_EQ(join(&a[i]), 0);
	for (int i = 0; i < CHANNELS; i++)
		chan_end(&s.ch[i]);
}

/* TestSelectProdCons: a producer and a consumer that both look at a never-closed quit channel, too. */
struct prodcons {
	int_chan ch, quit;
};

static int produce(void *p)
{
	struct prodcons *s = p;
	for (int i = 0; i < 500; i++) {
		int v;
		struct ug_case c[] = {UG_SEND(s->ch, &i), UG_RECV(s->quit, &v)};
		if (ug_select(c, 2) != 0)
			return -EIO;
	}
	return 0;
}

static void select_producer_consumer(void)
{
	CHAN ch = chan_of(8);
	CHAN quit = chan_of(0);
	struct prodcons s = {.ch = ch, .quit = quit};
	struct actor a;
	start(&a, produce, &s);
	for (int i = 0; i < 500; i++) {
		int v = -1;
		struct ug_case c[] = {UG_RECV(quit, &v), UG_RECV(ch, &v)};
		CHECK_EQ(ug_select(c, 2), 1);
		if (!CHECK_EQ(v, i))
			break;
	}
	CHECK_EQ(join(&a), 0);
}

static const struct CMUnitTest tests[] = {
	ALL(waits_until_a_case_can_go_on),
	ALL(close_wakes_a_waiting_select),
	ALL(close_fails_a_waiting_send_case),
	ALL(waiting_send_case_delivers),
	ALL(one_value_wakes_one_select),
	ALL(cancelled_select_leaves_nothing_behind),
	ALL(winning_case_takes_the_losers_back),
	ALL(selects_under_cancellation_lose_nothing),
	ALL(default_does_not_race_with_close),
	ALL(try_does_not_race_with_close),
	ALL(select_stress),
	ALL(select_producer_consumer),
	BARE(one_value_wakes_one_select),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
