/* SPDX-License-Identifier: MIT */
/* Select: every kind of case, the choice among several, the default, sources that are no channels. */
#include "sync_test.h"

#include <sys/socket.h>
#include <unistd.h>

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
 * A default is taken only where there was a moment with nothing ready. Here one of two channels always holds the token;
 * those between them only make the look take long.
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_nothing_can_fire),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_ready_at_once),
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_default_is_no_impression),
		cmocka_unit_test(test_ended_context_has_no_effect),
		cmocka_unit_test(test_end_of_task),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_descriptor_wakes),
		cmocka_unit_test(test_source_in_between),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
