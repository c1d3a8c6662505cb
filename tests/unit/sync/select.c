/* SPDX-License-Identifier: MIT */
/* Select: every kind of case, the choice among several, meeting oneself and each other, leaving the queues, cancellation. */
#include "sync_test.h"

#include "sync/chan_priv.h"
#include <sys/socket.h>
#include <unistd.h>

typedef UG_CHAN(int) int_chan;

static void make(int_chan *c, size_t capacity)
{
	CHECK_IS(ug_chan_new(c, capacity), 0);
}

static void drop(int_chan *c)
{
	CHECK_IS(ug_chan_unref(c), 0);
}

static int idle(int_chan c)
{
	return !waiting(&c.core->senders) && !waiting(&c.core->receivers);
}

TEST(arguments)
{
	int_chan c;
	int v = 0;
	make(&c, 1);
	struct ug_case two_defaults[] = {UG_DEFAULT, UG_DEFAULT};
	CHECK_IS(ug_select(two_defaults, 2), -EINVAL);
	struct ug_case unknown[] = {UG_IGNORE};
	unknown[0].op_ = 99;
	CHECK_IS(ug_select(unknown, 1), -EINVAL);
	struct ug_case no_value[] = {UG_RECV(c, &v), UG_DEFAULT};
	no_value[0].value_ = NULL;
	CHECK_IS(ug_select(no_value, 2), -EINVAL);
	struct ug_case no_fd[] = {UG_READABLE(NULL), UG_DEFAULT}, no_task[] = {UG_ENDED(NULL), UG_DEFAULT};
	CHECK_IS(ug_select(no_fd, 2), -EINVAL);
	CHECK_IS(ug_select(no_task, 2), -EINVAL);
	CHECK_IS(ug_select(two_defaults, 65536), -EINVAL);
	drop(&c);
	return 0;
}

TEST(nothing_can_fire)
{
	int_chan nil = UG_NIL;
	int v = 0;
	struct ug_case c[] = {UG_RECV(nil, &v), UG_SEND(nil, &v), UG_IGNORE, UG_AT(UG_FOREVER), UG_AFTER(UG_FOREVER)};
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_select(c, 5), -ETIMEDOUT);
		CHECK_IS(ug_select(NULL, 0), -ETIMEDOUT);
	}
	struct ug_case d[] = {UG_RECV(nil, &v), UG_DEFAULT, UG_IGNORE};
	CHECK_IS(ug_select(d, 3), 1);
	return 0;
}

TEST(times)
{
	int64_t before = ug_now();
	struct ug_case c[] = {UG_AFTER(UG_MINUTE), UG_AFTER(2 * UG_MS), UG_AT(before + UG_HOUR), UG_AFTER(UG_FOREVER)};
	CHECK_IS(ug_select(c, 4), 1);
	CHECK_IS(c[1].result, 0);
	CHECK(ug_now() >= before + 2 * UG_MS);
	struct ug_case past[] = {UG_AFTER(UG_MINUTE), UG_AT(before)};
	CHECK_IS(ug_select(past, 2), 1);
	struct ug_case at_once[] = {UG_AFTER(0), UG_DEFAULT};
	CHECK_IS(ug_select(at_once, 2), 0);
	struct ug_case negative[] = {UG_AFTER(-5), UG_DEFAULT};
	CHECK_IS(ug_select(negative, 2), 0);
	struct ug_case later[] = {UG_AFTER(UG_MINUTE), UG_DEFAULT};
	CHECK_IS(ug_select(later, 2), 1);
	/* The context's deadline comes before the timer. */
	UG_WITH_TIMEOUT(UG_MS)
		CHECK_IS(ug_select(later, 1), -ETIMEDOUT);
	return 0;
}

TEST(ready_at_once)
{
	int_chan full, empty;
	int in = 3, out = 0;
	make(&full, 1);
	make(&empty, 1);
	CHECK_IS(ug_send(full, &in), 0);
	struct ug_case c[] = {UG_RECV(empty, &out), UG_SEND(full, &in), UG_RECV(full, &out)};
	CHECK_IS(ug_select(c, 3), 2);
	CHECK_IS(c[2].result, 0);
	CHECK_IS(out, 3);
	struct ug_case d[] = {UG_RECV(empty, &out), UG_DEFAULT, UG_SEND(empty, &in)};
	CHECK_IS(ug_select(d, 3), 2);
	CHECK_IS(ug_len(empty), 1);
	CHECK_IS(ug_close(empty), 0);
	struct ug_case e[] = {UG_RECV(full, &out), UG_SEND(empty, &in)};
	CHECK_IS(ug_select(e, 2), 1);
	CHECK_IS(e[1].result, -EPIPE);
	struct ug_case f[] = {UG_RECV(empty, &out)};
	CHECK_IS(ug_select(f, 1), 0);
	CHECK_IS(f[0].result, 0);
	CHECK_IS(ug_select(f, 1), 0);
	CHECK_IS(f[0].result, -EPIPE);
	drop(&full);
	drop(&empty);
	return 0;
}

/* Each of those that are ready gets its share, wherever they stand among the others. */
TEST(fair)
{
	enum { CASES = 8, ROUNDS = 8000 };
	static const unsigned ready_sets[] = {0x03, 0x81, 0x70, 0xff, 0x88};
	for (size_t s = 0; s < UG_COUNT_OF(ready_sets); s++) {
		int_chan ch[CASES];
		struct ug_case c[CASES + 1];
		int v = 0, count[CASES + 1] = {0}, ready = 0;
		for (int i = 0; i < CASES; i++) {
			int is_ready = ready_sets[s] >> i & 1;
			make(&ch[i], 1);
			if (is_ready)
				CHECK_IS(ug_close(ch[i]), 0);
			ready += is_ready;
			c[i] = (struct ug_case)UG_RECV(ch[i], &v);
		}
		/* A time that has come is one of them. */
		c[CASES] = (struct ug_case)UG_AFTER(0);
		ready++;
		for (int i = 0; i < ROUNDS; i++) {
			int fired = ug_select(c, CASES + 1);
			CHECK(fired >= 0 && fired <= CASES);
			count[fired]++;
		}
		for (int i = 0; i <= CASES; i++) {
			int expect = i == CASES || (ready_sets[s] >> i & 1) ? ROUNDS / ready : 0;
			/* 7 standard deviations of a binomial count, at the least ready sets. */
			CHECK(abs(count[i] - expect) <= (expect ? 320 : 0));
		}
		for (int i = 0; i < CASES; i++)
			drop(&ch[i]);
	}
	return 0;
}

/*
 * A default is taken only where there was a moment with nothing ready. Here one of two channels always holds the token; those
 * between them only make the look take long.
 */
enum { BETWEEN = 200 };

struct token {
	int_chan a, b;
	uint32_t stop;
};

/* Takes the token as soon as the other has put it back, without parking: the moments to be hit are short. */
static void take_back(struct token *t, int_chan c)
{
	int v;
	for (uint32_t i = 1; ug_try_recv(c, &v) == -EAGAIN && !load_acquire(&t->stop); i++)
		if (i % 64 == 0)
			ug_yield();
}

static int juggler(void *p)
{
	struct token *t = p;
	int v = 1;
	for (uint32_t i = 0; !load_acquire(&t->stop); i++) {
		CHECK_IS(ug_try_send(t->b, &v), 0);
		take_back(t, t->a);
		CHECK_IS(ug_try_send(t->a, &v), 0);
		take_back(t, t->b);
		if (i % 256 == 0)
			ug_yield();
	}
	return 0;
}

TEST(default_is_no_impression)
{
	struct token t = {.stop = 0};
	struct helper h;
	int v = 1;
	int_chan never;
	make(&never, 0);
	make(&t.a, 8);
	make(&t.b, 8);
	CHECK_IS(ug_send(t.a, &v), 0);
	start(&h, juggler, &t);
	int64_t end = ug_now() + 100 * UG_MS;
	struct ug_case c[BETWEEN + 3] = {UG_RECV(t.a, &v), UG_DEFAULT};
	for (int i = 2; i < BETWEEN + 2; i++)
		c[i] = (struct ug_case)UG_RECV(never, &v);
	c[BETWEEN + 2] = (struct ug_case)UG_RECV(t.b, &v);
	for (uint32_t i = 0; i % 64 || ug_now() < end; i++) {
		int fired = ug_select(c, BETWEEN + 3);
		CHECK(fired == 0 || fired == BETWEEN + 2);
		CHECK_IS(fired == 0 ? ug_try_send(t.a, &v) : ug_try_send(t.b, &v), 0);
		if (i % 256 == 0)
			ug_yield();
	}
	store_release(&t.stop, 1u);
	CHECK_IS(finish(&h), 0);
	drop(&t.a);
	drop(&t.b);
	drop(&never);
	return 0;
}

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
	struct helper h[4];
	make(&q.a, 0);
	make(&q.b, 0);
	for (int i = 0; i < 4; i++)
		start(&h[i], i % 2 ? sends_first : receives_first, &q);
	for (int i = 0; i < 4; i++)
		CHECK_IS(finish(&h[i]), 0);
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

/* Sources --------------------------------------------------------------------------------------------------------- */

static int answer(void *p)
{
	int_chan *gate = p;
	int v;
	ug_recv(*gate, &v);
	return -42;
}

TEST(end_of_task)
{
	int_chan gate, other;
	ug_task *t;
	int v = 0;
	make(&gate, 0);
	make(&other, 0);
	CHECK_IS(ug_go_task(answer, &gate, NULL, &t), 0);
	struct ug_case c[] = {UG_RECV(other, &v), UG_ENDED(t), UG_DEFAULT};
	CHECK_IS(ug_select(c, 3), 2);
	struct ug_case d[] = {UG_RECV(other, &v), UG_ENDED(t), UG_AFTER(UG_MS)};
	CHECK_IS(ug_select(d, 3), 2);
	struct ug_case e[] = {UG_RECV(other, &v), UG_ENDED(t), UG_SEND(gate, &v)};
	CHECK_IS(ug_select(e, 3), 2);
	CHECK_IS(ug_select(e, 3), 1);
	CHECK_IS(e[1].result, -42);
	CHECK_IS(ug_select(c, 3), 1);
	CHECK_IS(c[1].result, -42);
	CHECK(idle(gate) && idle(other));
	ug_task_unref(t);
	drop(&gate);
	drop(&other);
	return 0;
}

TEST(descriptors)
{
	int sv[2], v = 0;
	char byte;
	ug_fd *f;
	int_chan never;
	make(&never, 0);
	CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	CHECK_IS(ug_fd_adopt(sv[0], UG_FD_NONBLOCK, &f), 0);
	struct ug_case c[] = {UG_READABLE(f), UG_RECV(never, &v), UG_DEFAULT};
	CHECK_IS(ug_select(c, 3), 2);
	struct ug_case w[] = {UG_READABLE(f), UG_WRITABLE(f), UG_RECV(never, &v)};
	CHECK_IS(ug_select(w, 3), 1);
	CHECK_IS(w[1].result, 0);
	struct ug_case t[] = {UG_RECV(never, &v), UG_READABLE(f), UG_AFTER(UG_MS)};
	CHECK_IS(ug_select(t, 3), 2);
	for (int i = 0; i < 20; i++) {
		CHECK_IS(write(sv[1], "x", 1), 1);
		struct ug_case r[] = {UG_RECV(never, &v), UG_READABLE(f)};
		CHECK_IS(ug_select(r, 2), 1);
		CHECK_IS(r[1].result, 0);
		CHECK_IS(ug_fd_read(f, &byte, 1), 1);
		CHECK_IS(ug_select(c, 3), 2);
	}
	CHECK_IS(close(sv[1]), 0);
	struct ug_case end[] = {UG_RECV(never, &v), UG_READABLE(f)};
	CHECK_IS(ug_select(end, 2), 1);
	CHECK(idle(never));
	CHECK_IS(ug_fd_close(f), 0);
	drop(&never);
	return 0;
}

struct reader {
	ug_fd *f;
	int_chan c;
	int fired, result;
	uint32_t begun;
};

static int wait_readable(void *p)
{
	struct reader *r = p;
	int v;
	struct ug_case c[] = {UG_RECV(r->c, &v), UG_READABLE(r->f)};
	r->fired = ug_select(c, 2);
	r->result = c[1].result;
	return 0;
}

TEST(descriptor_wakes)
{
	for (int i = 0; i < 3; i++) {
		int sv[2], v = 0;
		struct reader r;
		struct helper h;
		make(&r.c, 0);
		CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
		CHECK_IS(ug_fd_adopt(sv[0], UG_FD_NONBLOCK, &r.f), 0);
		ug_fd_ref(r.f);
		start(&h, wait_readable, &r);
		UNTIL(waiting(&r.c.core->receivers));
		if (i == 0)
			CHECK_IS(write(sv[1], "x", 1), 1);
		else if (i == 1)
			CHECK_IS(ug_send(r.c, &v), 0);
		else
			ug_fd_close(ug_fd_ref(r.f));
		CHECK_IS(finish(&h), 0);
		CHECK_IS(r.fired, i != 1);
		CHECK(i != 2 || r.result == -ECANCELED || r.result == -EBADF);
		CHECK(idle(r.c));
		ug_fd_unref(r.f);
		ug_fd_close(r.f);
		CHECK_IS(close(sv[1]), 0);
		drop(&r.c);
	}
	return 0;
}

struct spinner {
	uint32_t spin, here, go;
	int fd;
};

static int spin(void *p)
{
	struct spinner *s = p;
	store_release(&s->here, 1u);
	UNTIL(load_acquire(&s->go));
	for (volatile uint32_t i = 0; i < s->spin; i++)
		;
	if (s->fd >= 0)
		CHECK_IS(write(s->fd, "x", 1), 1);
	return -42;
}

/* A source that becomes ready at any moment of the select, that between its first look and the queueing included. */
TEST(source_in_between)
{
	int sv[2], v = 0;
	char byte;
	ug_fd *f;
	int_chan never;
	make(&never, 0);
	CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	CHECK_IS(ug_fd_adopt(sv[0], UG_FD_NONBLOCK, &f), 0);
	ROUNDS_FOR(i, 1000)
	{
		struct spinner s = {.spin = i * 13 % 2000, .fd = i % 2 ? sv[1] : -1};
		ug_task *t;
		CHECK_IS(ug_go_task(spin, &s, NULL, &t), 0);
		UNTIL(load_acquire(&s.here));
		store_release(&s.go, 1u);
		struct ug_case c[] = {
			UG_RECV(never, &v), i % 2 ? (struct ug_case)UG_READABLE(f) : (struct ug_case)UG_ENDED(t)};
		CHECK_IS(ug_select(c, 2), 1);
		CHECK_IS(c[1].result, i % 2 ? 0 : -42);
		if (i % 2)
			CHECK_IS(ug_fd_read(f, &byte, 1), 1);
		CHECK_IS(ug_task_wait(t, NULL), 0);
		ug_task_unref(t);
	}
	CHECK(idle(never));
	ug_fd_close(f);
	CHECK_IS(close(sv[1]), 0);
	drop(&never);
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

TEST(ended_context_has_no_effect)
{
	int_chan c;
	int v = 1;
	make(&c, 1);
	UG_WITH_TIMEOUT(0) {
		struct ug_case s[] = {UG_SEND(c, &v), UG_DEFAULT};
		CHECK_IS(ug_select(s, 2), -ETIMEDOUT);
	}
	CHECK_IS(ug_len(c), 0);
	drop(&c);
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
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_nothing_can_fire),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_ready_at_once),
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_default_is_no_impression),
		cmocka_unit_test(test_does_not_meet_itself),
		cmocka_unit_test(test_face_to_face),
		cmocka_unit_test(test_many_cases),
		cmocka_unit_test(test_end_of_task),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_descriptor_wakes),
		cmocka_unit_test(test_source_in_between),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_ended_context_has_no_effect),
		cmocka_unit_test(test_busy_while_it_waits),
		cmocka_unit_test(test_crowd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
