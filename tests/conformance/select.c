/* SPDX-License-Identifier: MIT */
/*
 * Select over channels: which case may fire, and what it does. Written from the Go specification, "Select statements",
 * and from what Go's chan_test.go demands of select.
 */
#include "actor.h"

static void default_fires_where_nothing_can(void)
{
	CHAN ch = chan_of(0);
	int in = 1, out = 2;
	struct ug_case c[] = {UG_RECV(ch, &in), UG_SEND(ch, &out), UG_DEFAULT};
	CHECK_EQ(ug_select(c, 3), 2);
	CHECK_EQ(in, 1);
	struct ug_case alone[] = {UG_DEFAULT};
	CHECK_EQ(ug_select(alone, 1), 0);
}

static void ready_case_beats_default(void)
{
	CHAN ch = chan_of(1);
	for (int i = 0; i < 200; i++) {
		int in = -1;
		struct ug_case send[] = {UG_DEFAULT, UG_SEND(ch, &i)};
		CHECK_EQ(ug_select(send, 2), 1);
		struct ug_case recv[] = {UG_RECV(ch, &in), UG_DEFAULT};
		CHECK_EQ(ug_select(recv, 2), 0);
		CHECK_EQ(in, i);
	}
}

static void receives_what_is_buffered(void)
{
	CHAN ch = chan_of(1);
	CHAN other = chan_of(0);
	CHECK_EQ(put(ch, 6), 0);
	int a = 0, b = 42;
	struct ug_case c[] = {UG_RECV(other, &b), UG_RECV(ch, &a)};
	CHECK_EQ(ug_select(c, 2), 1);
	CHECK_EQ(c[1].result, 0);
	CHECK_EQ(a, 6);
	CHECK_EQ(b, 42);
	CHECK_EQ(ug_len(ch), 0);
}

static void sends_where_there_is_room(void)
{
	CHAN full = chan_of(1);
	CHAN room = chan_of(1);
	CHECK_EQ(put(full, 1), 0);
	int a = 2, b = 3;
	struct ug_case c[] = {UG_SEND(full, &a), UG_SEND(room, &b)};
	CHECK_EQ(ug_select(c, 2), 1);
	CHECK_EQ(c[1].result, 0);
	CHECK_EQ(next(full), 1);
	CHECK_EQ(next(room), 3);
}

static void takes_from_a_waiting_sender(void)
{
	CHAN ch = chan_of(0);
	CHAN other = chan_of(0);
	struct op s;
	op_start(&s, op_send, ch, 11);
	int in = -1, unused = -1;
	struct ug_case c[] = {UG_RECV(other, &unused), UG_RECV(ch, &in), UG_DEFAULT};
	int i = 2;
	UNTIL((i = ug_select(c, 3)) != 2);
	CHECK_EQ(i, 1);
	CHECK_EQ(in, 11);
	CHECK_EQ(op_join(&s), 0);
}

static void gives_to_a_waiting_receiver(void)
{
	CHAN ch = chan_of(0);
	struct op r;
	op_start(&r, op_recv, ch, -1);
	int out = 12, i = 1;
	struct ug_case c[] = {UG_SEND(ch, &out), UG_DEFAULT};
	UNTIL((i = ug_select(c, 2)) != 1);
	CHECK_EQ(i, 0);
	CHECK_EQ(op_join(&r), 0);
	CHECK_EQ(r.value, 12);
}

/* Fairness: of several ready cases each is equally likely --------------------------------------------------------- */

enum { ROUNDS = 4000 };

/* Far outside what chance does to a fair choice: 8 standard deviations and more. */
static void check_fair(const int *count, int n)
{
	for (int i = 0; i < n; i++) {
		CHECK(count[i] > ROUNDS / n * 6 / 10);
		CHECK(count[i] < ROUNDS / n * 14 / 10);
	}
}

static void ready_receives_share_evenly(void)
{
	CHAN a = chan_of(1);
	CHAN b = chan_of(1);
	CHAN d = chan_of(1);
	int_chan all[] = {a, b, d};
	int count[3] = {0};
	for (int i = 0; i < 3; i++)
		CHECK_EQ(put(all[i], i), 0);
	for (int i = 0; i < ROUNDS; i++) {
		int v[3];
		struct ug_case c[] = {UG_RECV(a, &v[0]), UG_RECV(b, &v[1]), UG_RECV(d, &v[2])};
		int k = ug_select(c, 3);
		if (!CHECK(k >= 0 && k < 3))
			return;
		CHECK_EQ(v[k], k);
		count[k]++;
		CHECK_EQ(put(all[k], k), 0);
	}
	check_fair(count, 3);
}

static void sends_and_receives_share_evenly(void)
{
	CHAN full = chan_of(1);
	CHAN room = chan_of(1);
	int count[2] = {0};
	CHECK_EQ(put(full, 1), 0);
	for (int i = 0; i < ROUNDS; i++) {
		int in, out = 1;
		struct ug_case c[] = {UG_RECV(full, &in), UG_SEND(room, &out)};
		int k = ug_select(c, 2);
		if (!CHECK(k >= 0 && k < 2))
			return;
		count[k]++;
		CHECK_EQ(k == 0 ? put(full, 1) : next(room), k == 0 ? 0 : 1);
	}
	check_fair(count, 2);
}

static void closed_channels_share_evenly(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(1);
	CHECK_EQ(put(b, 1), 0);
	CHECK_EQ(ug_close(a), 0);
	int count[2] = {0};
	for (int i = 0; i < ROUNDS; i++) {
		int v;
		struct ug_case c[] = {UG_RECV(a, &v), UG_RECV(b, &v)};
		int k = ug_select(c, 2);
		if (!CHECK(k >= 0 && k < 2))
			return;
		CHECK_EQ(c[k].result, k == 0 ? -EPIPE : 0);
		count[k]++;
		if (k == 1)
			CHECK_EQ(put(b, 1), 0);
	}
	check_fair(count, 2);
}

static void duplicates_share_evenly(void)
{
	CHAN ch = chan_of(1);
	int count[2] = {0};
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(put(ch, i), 0);
		int v[2] = {-1, -1};
		struct ug_case c[] = {UG_RECV(ch, &v[0]), UG_RECV(ch, &v[1])};
		int k = ug_select(c, 2);
		if (!CHECK(k >= 0 && k < 2))
			return;
		CHECK_EQ(v[k], i);
		CHECK_EQ(v[1 - k], -1);
		count[k]++;
	}
	check_fair(count, 2);
}

struct source {
	int_chan ch, stop;
	int value;
};

static int offer_for_ever(void *p)
{
	struct source *s = p;
	for (;;) {
		int ignored;
		struct ug_case c[] = {UG_SEND(s->ch, &s->value), UG_RECV(s->stop, &ignored)};
		int k = ug_select(c, 2);
		if (k != 0)
			return k == 1 ? 0 : k;
	}
}

/* Go's TestSelectFairness: two channels that always have a sender; neither may starve. */
static void waiting_senders_do_not_starve(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(0);
	CHAN stop = chan_of(0);
	struct source s[2] = {{.ch = a, .stop = stop}, {.ch = b, .stop = stop, .value = 1}};
	struct actor actor[2];
	for (int i = 0; i < 2; i++)
		start(&actor[i], offer_for_ever, &s[i]);
	settle();
	int count[2] = {0};
	for (int i = 0; i < ROUNDS / 2 || ((!count[0] || !count[1]) && i < 1000000); i++) {
		int v = -1;
		struct ug_case c[] = {UG_RECV(a, &v), UG_RECV(b, &v)};
		int k = ug_select(c, 2);
		if (!CHECK(k >= 0 && k < 2))
			break;
		CHECK_EQ(v, k);
		count[k]++;
	}
	CHECK(count[0] > 0 && count[1] > 0);
	CHECK_EQ(ug_close(stop), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(join(&actor[i]), 0);
}

/* Closed and nil channels ---------------------------------------------------------------------------------------- */

static void closed_channel_is_ready_to_receive(void)
{
	CHAN closed = chan_of(2);
	CHAN other = chan_of(0);
	CHECK_EQ(put(closed, 3), 0);
	CHECK_EQ(ug_close(closed), 0);
	int a = -1, b = 42;
	struct ug_case c[] = {UG_RECV(closed, &a), UG_RECV(other, &b)};
	CHECK_EQ(ug_select(c, 2), 0);
	CHECK_EQ(c[0].result, 0);
	CHECK_EQ(a, 3);
	CHECK_EQ(ug_select(c, 2), 0);
	CHECK_EQ(c[0].result, -EPIPE);
	CHECK_EQ(a, 3);
	CHECK_EQ(b, 42);
}

static void closed_channel_is_ready_to_fail_a_send(void)
{
	CHAN closed = chan_of(2);
	CHECK_EQ(ug_close(closed), 0);
	int out = 3;
	struct ug_case c[] = {UG_SEND(closed, &out), UG_DEFAULT};
	CHECK_EQ(ug_select(c, 2), 0);
	CHECK_EQ(c[0].result, -EPIPE);
	CHECK_EQ(ug_len(closed), 0);
}

static void nil_cases_never_fire(void)
{
	int_chan nil = UG_NIL;
	int in = 42, out = 1;
	struct ug_case c[] = {UG_RECV(nil, &in), UG_SEND(nil, &out), UG_DEFAULT};
	for (int i = 0; i < 50; i++)
		CHECK_EQ(ug_select(c, 3), 2);
	CHECK_EQ(in, 42);
	UG_WITH_TIMEOUT(3 * UG_MS)
		CHECK_EQ(ug_select(c, 2), -ETIMEDOUT);
}

static void ignored_cases_never_fire(void)
{
	CHAN ch = chan_of(1);
	CHECK_EQ(put(ch, 1), 0);
	int in = 0;
	struct ug_case c[] = {UG_IGNORE, UG_RECV(ch, &in), UG_IGNORE};
	CHECK_EQ(ug_select(c, 3), 1);
	struct ug_case none[] = {UG_IGNORE, UG_DEFAULT};
	CHECK_EQ(ug_select(none, 2), 1);
	UG_WITH_TIMEOUT(3 * UG_MS)
		CHECK_EQ(ug_select(none, 1), -ETIMEDOUT);
}

/* The idiom: a channel that is closed is set to nil, so that its case leaves the game. */
static void merging_two_until_both_are_closed(void)
{
	CHAN a = chan_of(3);
	CHAN b = chan_of(3);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(put(a, i), 0);
		CHECK_EQ(put(b, 10 + i), 0);
	}
	CHECK_EQ(ug_close(a), 0);
	CHECK_EQ(ug_close(b), 0);
	int_chan from[2] = {a, b};
	int sum = 0, closed = 0;
	while (closed < 2) {
		int v = 0;
		struct ug_case c[] = {UG_RECV(from[0], &v), UG_RECV(from[1], &v)};
		int k = ug_select(c, 2);
		if (!CHECK(k >= 0 && k < 2))
			return;
		if (c[k].result == -EPIPE) {
			from[k] = (int_chan)UG_NIL;
			closed++;
		}
		sum += c[k].result == 0 ? v : 0;
	}
	CHECK_EQ(sum, 0 + 1 + 2 + 10 + 11 + 12);
}

/* One channel in several cases ----------------------------------------------------------------------------------- */

static void select_does_not_meet_itself(void)
{
	CHAN ch = chan_of(0);
	int in = 42, out = 1;
	struct ug_case c[] = {UG_SEND(ch, &out), UG_RECV(ch, &in)};
	UG_WITH_TIMEOUT(3 * UG_MS)
		CHECK_EQ(ug_select(c, 2), -ETIMEDOUT);
	CHECK_EQ(in, 42);
	struct ug_case d[] = {UG_SEND(ch, &out), UG_RECV(ch, &in), UG_DEFAULT};
	CHECK_EQ(ug_select(d, 3), 2);
}

struct selfish {
	int_chan ch;
	int me, sent, received, wrong;
};

static int send_or_receive(void *p)
{
	struct selfish *s = p;
	for (int i = 0; i < 200; i++) {
		int in = -1;
		struct ug_case c[] = {UG_SEND(s->ch, &s->me), UG_RECV(s->ch, &in)};
		int k = ug_select(c, 2);
		if (k < 0)
			return k;
		if (c[k].result < 0)
			break;
		s->sent += k == 0;
		s->received += k == 1;
		s->wrong += k == 1 && in == s->me;
	}
	return 0;
}

/* Go's TestSelfSelect: two that both send and receive on one channel meet each other, never themselves. */
static void two_selects_meet_each_other(void)
{
	CHAN ch = chan_of(0);
	struct selfish s[2] = {{.ch = ch, .me = 1}, {.ch = ch, .me = 2}};
	struct actor a[2];
	for (int i = 0; i < 2; i++)
		start(&a[i], send_or_receive, &s[i]);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(join(&a[i]), 0);
		CHECK_EQ(s[i].wrong, 0);
	}
	CHECK_EQ(s[0].sent, s[1].received);
	CHECK_EQ(s[1].sent, s[0].received);
	CHECK_EQ(s[0].sent + s[0].received, 200);
}

static void send_and_receive_on_one_buffer(void)
{
	CHAN ch = chan_of(2);
	int in = -1, out = 1, sends = 0, receives = 0;
	for (int i = 0; i < 400; i++) {
		size_t before = ug_len(ch);
		struct ug_case c[] = {UG_SEND(ch, &out), UG_RECV(ch, &in)};
		int k = ug_select(c, 2);
		if (before == 0)
			CHECK_EQ(k, 0);
		if (before == 2)
			CHECK_EQ(k, 1);
		CHECK_EQ(ug_len(ch), k == 0 ? before + 1 : before - 1);
		*(k == 0 ? &sends : &receives) += 1;
	}
	CHECK(sends > 100 && receives > 100);
	while (try_next(ch) >= 0)
		;
}

/* Go's TestSelectDuplicateChannel: two receives on one channel, in one select that waits. */
struct duplicate {
	int_chan a, b, done;
};

static int receive_twice_named(void *p)
{
	struct duplicate *d = p;
	int v;
	struct ug_case c[] = {UG_RECV(d->a, &v), UG_RECV(d->b, &v), UG_RECV(d->a, &v)};
	int k = ug_select(c, 3);
	return k < 0 ? k : v;
}

static void waiting_on_one_channel_twice(void)
{
	CHAN a = chan_of(0);
	CHAN b = chan_of(0);
	struct duplicate d = {.a = a, .b = b};
	struct actor first, second;
	start(&first, receive_twice_named, &d);
	start(&second, receive_twice_named, &d);
	settle();
	CHECK_EQ(put(b, 5), 0);
	CHECK_EQ(put(a, 5), 0);
	CHECK_EQ(join(&first), 5);
	CHECK_EQ(join(&second), 5);
	CHECK_EQ(try_put(a, 1), -EAGAIN); /* nobody is left in the queue */
	CHECK_EQ(try_put(b, 1), -EAGAIN);
}

/* Arguments ------------------------------------------------------------------------------------------------------ */

static void no_cases_wait_for_the_context(void)
{
	int64_t begin = ug_now();
	UG_WITH_TIMEOUT(4 * UG_MS)
		CHECK_EQ(ug_select(NULL, 0), -ETIMEDOUT);
	CHECK(ug_now() - begin >= 4 * UG_MS);
}

static void two_defaults_are_refused(void)
{
	CHAN ch = chan_of(1);
	int out = 1;
	struct ug_case c[] = {UG_DEFAULT, UG_SEND(ch, &out), UG_DEFAULT};
	CHECK_EQ(ug_select(c, 3), -EINVAL);
	CHECK_EQ(ug_len(ch), 0);
}

static void unknown_cases_are_refused(void)
{
	CHAN ch = chan_of(1);
	int out = 1;
	struct ug_case c[] = {UG_SEND(ch, &out), UG_IGNORE};
	memset(&c[1], 0x7f, sizeof c[1]);
	CHECK_EQ(ug_select(c, 2), -EINVAL);
	CHECK_EQ(ug_len(ch), 0);
}

static void too_many_cases_are_refused(void)
{
	struct ug_case *c = calloc(65536, sizeof *c);
	struct ug_case other = UG_DEFAULT;
	if (!CHECK(c != NULL))
		return;
	c[65534] = other;
	CHECK_EQ(ug_select(c, 65535), 65534);
	CHECK_EQ(ug_select(c, 65536), -EINVAL);
	free(c);
}

static void a_thousand_channels(void)
{
	enum { N = 1000 };
	int_chan *ch = calloc(N, sizeof *ch);
	struct ug_case *c = calloc(N, sizeof *c);
	int v = -1;
	if (!CHECK(ch && c))
		return;
	for (int i = 0; i < N; i++)
		ch[i] = chan_of(1);
	for (int round = 0; round < 5; round++) {
		int ready = (round * 397 + 11) % N;
		for (int i = 0; i < N; i++) {
			struct ug_case one = UG_RECV(ch[i], &v);
			c[i] = one;
		}
		CHECK_EQ(put(ch[ready], round), 0);
		CHECK_EQ(ug_select(c, N), ready);
		CHECK_EQ(v, round);
	}
	for (int i = 0; i < N; i++)
		chan_end(&ch[i]);
	free(c);
	free(ch);
}

static void cases_can_be_used_again(void)
{
	CHAN a = chan_of(1);
	CHAN b = chan_of(1);
	int v = -1;
	struct ug_case c[] = {UG_RECV(a, &v), UG_RECV(b, &v), UG_DEFAULT};
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(put(i % 2 ? b : a, i), 0);
		CHECK_EQ(ug_select(c, 3), i % 2);
		CHECK_EQ(v, i);
		CHECK_EQ(ug_select(c, 3), 2);
	}
}

static void ended_context_fails_without_effect(void)
{
	CHAN ready = chan_of(2);
	CHECK_EQ(put(ready, 1), 0);
	int in = 42, out = 2;
	struct ug_case c[] = {UG_RECV(ready, &in), UG_SEND(ready, &out)};
	UG_WITH_TIMEOUT(0)
		CHECK_EQ(ug_select(c, 2), -ETIMEDOUT);
	CHECK_EQ(in, 42);
	CHECK_EQ(ug_len(ready), 1);
}

static const struct CMUnitTest tests[] = {
	ALL(default_fires_where_nothing_can),
	ALL(ready_case_beats_default),
	ALL(receives_what_is_buffered),
	ALL(sends_where_there_is_room),
	ALL(takes_from_a_waiting_sender),
	ALL(gives_to_a_waiting_receiver),
	ALL(ready_receives_share_evenly),
	ALL(sends_and_receives_share_evenly),
	ALL(closed_channels_share_evenly),
	ALL(duplicates_share_evenly),
	ALL(waiting_senders_do_not_starve),
	ALL(closed_channel_is_ready_to_receive),
	ALL(closed_channel_is_ready_to_fail_a_send),
	ALL(nil_cases_never_fire),
	ALL(ignored_cases_never_fire),
	ALL(merging_two_until_both_are_closed),
	ALL(select_does_not_meet_itself),
	ALL(two_selects_meet_each_other),
	ALL(send_and_receive_on_one_buffer),
	ALL(waiting_on_one_channel_twice),
	ALL(no_cases_wait_for_the_context),
	ALL(two_defaults_are_refused),
	ALL(unknown_cases_are_refused),
	ALL(too_many_cases_are_refused),
	ALL(a_thousand_channels),
	ALL(cases_can_be_used_again),
	ALL(ended_context_fails_without_effect),
	BARE(two_selects_meet_each_other),
	BARE(nil_cases_never_fire),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
