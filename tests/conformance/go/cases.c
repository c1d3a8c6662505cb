/* SPDX-License-Identifier: MIT */
/*
 * The cases of cases.go: one line each, its name and its outcome. What panics in Go answers an error here and is
 * "refused". compare.py puts the two outputs side by side.
 */
#include "cases.h"

char outcome[256];

/* Channels ------------------------------------------------------------------------------------------------------- */

static void buffered_order(void)
{
	int_chan ch = FILLED(2, 1, 2);
	say_recv(ch);
	say_recv(ch);
}

static void length(void)
{
	int_chan ch = FILLED(5, 1, 2);
	say("%zu", ug_len(ch));
	say_recv(ch);
	say("%zu %zu", ug_len(ch), ug_cap(ch));
}

static void length_closed(void)
{
	int_chan ch = closed(FILLED(3, 1, 2));
	say("%zu %zu", ug_len(ch), ug_cap(ch));
}

static void drains(void)
{
	int_chan ch = closed(FILLED(3, 1, 2));
	for (int i = 0; i < 4; i++)
		say_recv(ch);
}

static void send_closed(void)
{
	int_chan ch = closed(make(3));
	say_answer(put(ch, 1), "sent");
	say("%zu", ug_len(ch));
}

static void close_twice(void)
{
	int_chan ch = closed(make(0));
	say_answer(ug_close(ch), "closed");
}

static void close_nil(void)
{
	int_chan nil = UG_NIL;
	say_answer(ug_close(nil), "closed");
}

static void nil_length(void)
{
	int_chan nil = UG_NIL;
	say("%zu %zu", ug_len(nil), ug_cap(nil));
}

static void nil_tries(void)
{
	int_chan nil = UG_NIL;
	say_try_send(nil, 1);
	say_try_recv(nil);
}

static void try_full(void)
{
	int_chan ch = FILLED(1, 1);
	say_try_send(ch, 2);
	say_recv(ch);
	say_try_send(ch, 3);
	say_recv(ch);
}

static void try_unbuffered(void)
{
	int_chan ch = make(0);
	say_try_send(ch, 1);
	say_try_recv(ch);
}

static void try_closed(void)
{
	int_chan ch = closed(FILLED(2, 7));
	say_try_recv(ch);
	say_try_recv(ch);
	say_try_send(ch, 1);
}

struct pair {
	int a, b;
};

static void copied(void)
{
	UG_CHAN(struct pair) ch = UG_NIL;
	struct pair p = {1, 2}, q = {0, 0};
	if (ug_chan_new(&ch, 1) < 0 || ug_send(ch, &p) < 0)
		abort();
	p.a = 9;
	if (ug_recv(ch, &q) == 0)
		say("%d %d", q.a, q.b);
}

static void waiting_sender(void)
{
	int_chan ch = FILLED(1, 1);
	go(do_send, (struct op){.ch = ch, .value = 2});
	settle();
	say_recv(ch);
	say_recv(ch);
}

static void close_wakes(void)
{
	int_chan ch = make(0), answers = make(3);
	for (int i = 0; i < 3; i++)
		go(do_recv, (struct op){.ch = ch, .answers = answers});
	settle();
	ug_close(ch);
	for (int i = 0; i < 3; i++)
		say("%s", get(answers) == -EPIPE ? "closed" : "?");
}

static void close_fails_sender(void)
{
	int_chan ch = FILLED(1, 5), answer = make(0);
	go(do_send, (struct op){.ch = ch, .answers = answer, .value = 6});
	settle();
	ug_close(ch);
	int v = 0;
	say_answer(ug_recv(answer, &v) < 0 ? -EIO : v, "sent");
	say_recv(ch);
	say_recv(ch);
}

static int send_ten(void *p)
{
	struct op *o = p;
	for (int i = 1; i <= 10; i++)
		UG_TRY(put(o->ch, i));
	return ug_close(o->ch);
}

static void range(void)
{
	int_chan ch = make(2);
	int sum = 0;
	go(send_ten, (struct op){.ch = ch});
	for (int v; ug_recv(ch, &v) == 0;)
		sum += v;
	say("%d", sum);
}

static int echo(void *p)
{
	struct op *o = p;
	for (int v; ug_recv(o->ch, &v) == 0;)
		UG_TRY(put(o->answers, v + 1));
	return ug_close(o->answers);
}

static void ping_pong(void)
{
	int_chan ping = make(0), pong = make(0);
	int v = 0;
	go(echo, (struct op){.ch = ping, .answers = pong});
	for (int i = 0; i < 100; i++) {
		put(ping, v);
		v = get(pong);
	}
	ug_close(ping);
	say("%d", v);
	say_recv(pong);
}

static int count_up(void *p)
{
	int_chan ch = *(int_chan *)p;
	for (int i = 2;; i++)
		UG_TRY(put(ch, i));
}

static int keep_indivisible(void *p)
{
	struct op *o = p;
	for (;;) {
		int v = 0;
		UG_TRY(ug_recv(o->ch, &v));
		if (v % o->value)
			UG_TRY(put(o->answers, v));
	}
}

static void sieve(void)
{
	int_chan ch = make(0);
	ug_group g;
	UG_GROUP(&g) {
		ug_group_go_copy(&g, count_up, &ch, sizeof ch);
		for (int i = 0; i < 10; i++) {
			struct op o = {.ch = ch, .answers = make(0), .value = get(ch)};
			say("%d", o.value);
			ug_group_go_copy(&g, keep_indivisible, &o, sizeof o);
			ch = o.answers;
		}
		break; /* which cancels them all */
	}
}

typedef UG_CHAN(int_chan) request_chan;

static int reply(void *p)
{
	request_chan requests = *(request_chan *)p;
	int_chan to = UG_NIL;
	UG_TRY(ug_recv(requests, &to));
	return put(to, 42);
}

static void chan_of_chan(void)
{
	request_chan requests = UG_NIL;
	int_chan mine = make(0);
	if (ug_chan_new(&requests, 0) < 0 || ug_go_copy(reply, &requests, sizeof requests) < 0)
		abort();
	ug_send(requests, &mine);
	say_recv(mine);
}

/* Select --------------------------------------------------------------------------------------------------------- */

static void select_default(void)
{
	static const char *const words[] = {"received", "sent", "default"};
	int_chan a = make(0), b = FILLED(1, 1);
	int v = 1;
	struct ug_case c[] = {UG_RECV(a, &v), UG_SEND(b, &v), UG_DEFAULT};
	say("%s", words[ug_select(c, 3)]);
}

static void select_ready(void)
{
	int received = 0;
	for (int i = 0; i < 100; i++) {
		int v;
		int_chan ch = FILLED(1, 1);
		struct ug_case c[] = {UG_RECV(ch, &v), UG_DEFAULT};
		received += ug_select(c, 2) == 0;
	}
	say("%s", received == 100 ? "received" : "default");
}

static void select_closed(void)
{
	int_chan a = closed(make(0)), b = make(0);
	int v;
	struct ug_case c[] = {UG_RECV(a, &v), UG_RECV(b, &v)};
	say("%s", ug_select(c, 2) == 0 ? "received" : "other");
	say_bool(c[0].result == 0);
}

static void select_send_closed(void)
{
	int_chan ch = closed(make(1));
	int v = 1;
	struct ug_case c[] = {UG_SEND(ch, &v), UG_DEFAULT};
	if (ug_select(c, 2) == 1)
		say("default");
	else
		say_answer(c[0].result, "sent");
}

static void select_nil(void)
{
	int_chan nil = UG_NIL, ch = FILLED(1, 3);
	int v = 1;
	struct ug_case c[] = {UG_RECV(nil, &v), UG_SEND(nil, &v), UG_RECV(ch, &v)};
	int k = ug_select(c, 3);
	if (k == 2)
		say("%d", v);
	else
		say("%s", k == 0 ? "received" : "sent");
}

static void select_self(void)
{
	static const char *const words[] = {"received", "sent", "default"};
	int_chan ch = make(0);
	int in, out = 1;
	struct ug_case c[] = {UG_RECV(ch, &in), UG_SEND(ch, &out), UG_DEFAULT};
	say("%s", words[ug_select(c, 3)]);
}

static void count_fired(int_chan a, int_chan b)
{
	int n[2] = {0};
	for (int i = 0; i < 1000; i++) {
		int v;
		struct ug_case c[] = {UG_RECV(a, &v), UG_RECV(b, &v)};
		n[ug_select(c, 2) == 1]++;
	}
	say_bool(n[0] > 200);
	say_bool(n[1] > 200);
}

static void select_two(void)
{
	count_fired(closed(make(0)), closed(make(0)));
}

static void select_same(void)
{
	int_chan a = closed(make(0));
	count_fired(a, a);
}

static void select_timeout(void)
{
	int_chan ch = make(0);
	int v;
	struct ug_case c[] = {UG_RECV(ch, &v), UG_AFTER(2 * UG_MS)};
	say("%s", ug_select(c, 2) == 0 ? "received" : "timed out");
}

static void select_merge(void)
{
	int_chan from[2] = {closed(FILLED(3, 1, 2, 3)), closed(FILLED(3, 10, 20, 30))}, nil = UG_NIL;
	int sum = 0;
	while (from[0].core || from[1].core) {
		int v = 0;
		struct ug_case c[] = {UG_RECV(from[0], &v), UG_RECV(from[1], &v)};
		int k = ug_select(c, 2);
		if (k < 0)
			break;
		if (c[k].result < 0)
			from[k] = nil;
		else
			sum += v;
	}
	say("%d", sum);
}

const struct named_case chan_cases[] = {
	{"buffered values keep their order", buffered_order},
	{"length and capacity", length},
	{"length and capacity after close", length_closed},
	{"a closed channel drains", drains},
	{"send to a closed channel", send_closed},
	{"close twice", close_twice},
	{"close nil", close_nil},
	{"nil has no length", nil_length},
	{"nil never goes", nil_tries},
	{"try a full channel", try_full},
	{"try an unbuffered channel alone", try_unbuffered},
	{"try a closed channel", try_closed},
	{"a value is copied when sent", copied},
	{"a waiting sender comes after the buffer", waiting_sender},
	{"close wakes receivers", close_wakes},
	{"close fails a waiting sender", close_fails_sender},
	{"range until closed", range},
	{"ping pong", ping_pong},
	{"prime sieve", sieve},
	{"a channel of channels", chan_of_chan},
	{"select: default where nothing can", select_default},
	{"select: ready beats default", select_ready},
	{"select: closed is ready", select_closed},
	{"select: send to closed", select_send_closed},
	{"select: nil never fires", select_nil},
	{"select: does not meet itself", select_self},
	{"select: each of two ready ones fires", select_two},
	{"select: each of two equal cases fires", select_same},
	{"select: time-out", select_timeout},
	{"select: two until both are closed", select_merge},
	{NULL, NULL},
};

static int run_all(void *arg)
{
	for (const struct named_case *c = arg; c->name; c++) {
		outcome[0] = 0;
		c->run();
		printf("%s: %s\n", c->name, outcome);
		fflush(stdout);
	}
	return 0;
}

int main(void)
{
	return ug_run(run_all, (void *)(uintptr_t)chan_cases, NULL) < 0 ||
		ug_run(run_all, (void *)(uintptr_t)sync_cases, NULL) < 0;
}
