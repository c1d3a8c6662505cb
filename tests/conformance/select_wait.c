/* SPDX-License-Identifier: MIT */
/*
 * Selects that wait: who wakes them and what they leave behind; timers, descriptors and tasks as cases; races between
 * select, close and cancellation. After Go's TestNonblockRecvRace, TestNonblockSelectRace, TestSelectStress,
 * TestSelectProdCons and the time package's After.
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
	for (;;) {
		int v = 0, k = -ETIMEDOUT;
		struct ug_case c[] = {UG_RECV(ch[0], &v), UG_RECV(ch[1], &v)};
		UG_WITH_TIMEOUT(20 * UG_US)
			k = ug_select(c, 2);
		if (k == -ETIMEDOUT)
			continue;
		if (k < 0)
			return k;
		if (c[k].result == -EPIPE)
			return got;
		got += v;
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

/* Timers --------------------------------------------------------------------------------------------------------- */

static void after_fires_not_before_its_time(void)
{
	CHAN ch = chan_of(0);
	int v = 42;
	int64_t begin = ug_now();
	struct ug_case c[] = {UG_RECV(ch, &v), UG_AFTER(5 * UG_MS)};
	CHECK_EQ(ug_select(c, 2), 1);
	CHECK_EQ(c[1].result, 0);
	CHECK(ug_now() - begin >= 5 * UG_MS);
	CHECK_EQ(v, 42);
	CHECK_EQ(try_put(ch, 1), -EAGAIN);
}

static void after_zero_and_the_past_fire_at_once(void)
{
	struct ug_case zero[] = {UG_AFTER(0), UG_AFTER(UG_HOUR)};
	CHECK_EQ(ug_select(zero, 2), 0);
	struct ug_case negative[] = {UG_AFTER(UG_HOUR), UG_AFTER(-UG_SECOND)};
	CHECK_EQ(ug_select(negative, 2), 1);
	struct ug_case past[] = {UG_AT(ug_now() - UG_SECOND), UG_AT(UG_FOREVER)};
	CHECK_EQ(ug_select(past, 2), 0);
}

static void at_fires_at_its_time(void)
{
	int64_t when = ug_now() + 4 * UG_MS;
	struct ug_case c[] = {UG_AT(when + UG_HOUR), UG_AT(when), UG_AT(UG_FOREVER)};
	CHECK_EQ(ug_select(c, 3), 1);
	CHECK(ug_now() >= when);
}

static void earlier_timer_wins(void)
{
	int64_t begin = ug_now();
	struct ug_case c[] = {UG_AFTER(UG_HOUR), UG_AFTER(2 * UG_MS), UG_AFTER(UG_MINUTE)};
	CHECK_EQ(ug_select(c, 3), 1);
	CHECK(ug_now() - begin < UG_MINUTE);
}

static void value_beats_a_later_timer(void)
{
	CHAN ch = chan_of(0);
	struct op s;
	op_start(&s, op_send, ch, 5);
	int v = -1;
	struct ug_case c[] = {UG_AFTER(UG_HOUR), UG_RECV(ch, &v)};
	CHECK_EQ(ug_select(c, 2), 1);
	CHECK_EQ(v, 5);
	CHECK_EQ(op_join(&s), 0);
}

static void stopped_timers_stay_silent(void)
{
	CHAN ch = chan_of(1);
	for (int i = 0; i < 200; i++) {
		int v = -1;
		CHECK_EQ(put(ch, i), 0);
		struct ug_case c[] = {UG_RECV(ch, &v), UG_AFTER(UG_MS)};
		CHECK_EQ(ug_select(c, 2), 0);
		CHECK_EQ(v, i);
	}
	int64_t begin = ug_now();
	CHECK_EQ(ug_sleep(3 * UG_MS), 0); /* over which all of them would have fired */
	CHECK(ug_now() - begin >= 3 * UG_MS);
}

static void deadline_beats_a_later_timer(void)
{
	struct ug_case c[] = {UG_AFTER(UG_HOUR)};
	UG_WITH_TIMEOUT(2 * UG_MS)
		CHECK_EQ(ug_select(c, 1), -ETIMEDOUT);
}

/* Tasks ---------------------------------------------------------------------------------------------------------- */

static int end_after_receive(void *p)
{
	int_chan ch = *(int_chan *)p;
	return next(ch);
}

static void end_of_a_task_is_a_case(void)
{
	CHAN ch = chan_of(0);
	ug_task *task = NULL;
	CHECK_EQ(ug_go_task(end_after_receive, &ch, NULL, &task), 0);
	struct ug_case c[] = {UG_ENDED(task), UG_DEFAULT};
	CHECK_EQ(ug_select(c, 2), 1);
	CHECK_EQ(put(ch, 77), 0);
	struct ug_case d[] = {UG_AFTER(UG_HOUR), UG_ENDED(task)};
	CHECK_EQ(ug_select(d, 2), 1);
	CHECK_EQ(d[1].result, 77);
	CHECK_EQ(ug_select(c, 2), 0); /* and stays ready */
	CHECK_EQ(c[0].result, 77);
	ug_task_unref(task);
}

static void error_of_a_task_is_the_result_of_its_case(void)
{
	CHAN ch = chan_of(0);
	ug_task *task = NULL;
	CHECK_EQ(ug_go_task(end_after_receive, &ch, NULL, &task), 0);
	CHECK_EQ(ug_close(ch), 0);
	struct ug_case c[] = {UG_ENDED(task)};
	CHECK_EQ(ug_select(c, 1), 0);
	CHECK_EQ(c[0].result, -EPIPE);
	ug_task_unref(task);
}

static void first_of_several_tasks(void)
{
	CHAN ch = chan_of(0);
	CHAN never = chan_of(0);
	ug_task *task[2] = {NULL, NULL};
	CHECK_EQ(ug_go_task(end_after_receive, &never, NULL, &task[0]), 0);
	CHECK_EQ(ug_go_task(end_after_receive, &ch, NULL, &task[1]), 0);
	CHECK_EQ(put(ch, 1), 0);
	struct ug_case c[] = {UG_ENDED(task[0]), UG_ENDED(task[1])};
	CHECK_EQ(ug_select(c, 2), 1);
	CHECK_EQ(put(never, 2), 0);
	int result = 0;
	CHECK_EQ(ug_task_wait(task[0], &result), 0);
	CHECK_EQ(result, 2);
	ug_task_unref(task[0]);
	ug_task_unref(task[1]);
}

/* Descriptors ---------------------------------------------------------------------------------------------------- */

struct tube {
	ug_fd *in, *out;
};

static struct tube tube(void)
{
	int fd[2] = {-1, -1};
	struct tube t = {NULL, NULL};
	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(ug_fd_adopt(fd[0], UG_FD_NONBLOCK, &t.in), 0);
	CHECK_EQ(ug_fd_adopt(fd[1], UG_FD_NONBLOCK, &t.out), 0);
	return t;
}

static void tube_close(struct tube *t)
{
	CHECK_EQ(ug_fd_close(t->in), 0);
	CHECK_EQ(ug_fd_close(t->out), 0);
}

static int write_one(void *p)
{
	struct tube *t = p;
	settle();
	return (int)ug_fd_write(t->out, "x", 1);
}

static void readable_descriptor_fires(void)
{
	struct tube t = tube();
	struct ug_case c[] = {UG_READABLE(t.in), UG_DEFAULT};
	CHECK_EQ(ug_select(c, 2), 1);
	struct actor a;
	start(&a, write_one, &t);
	struct ug_case d[] = {UG_AFTER(UG_HOUR), UG_READABLE(t.in)};
	CHECK_EQ(ug_select(d, 2), 1);
	CHECK_EQ(d[1].result, 0);
	CHECK_EQ(join(&a), 1);
	CHECK_EQ(ug_select(c, 2), 0); /* it still is: readiness, not an event */
	char byte;
	CHECK_EQ(ug_fd_read(t.in, &byte, 1), 1);
	CHECK_EQ(ug_select(c, 2), 1);
	tube_close(&t);
}

static void end_of_stream_is_readable(void)
{
	struct tube t = tube();
	CHECK_EQ(ug_fd_close(t.out), 0);
	struct ug_case c[] = {UG_READABLE(t.in)};
	CHECK_EQ(ug_select(c, 1), 0);
	char byte;
	CHECK_EQ(ug_fd_read(t.in, &byte, 1), 0);
	CHECK_EQ(ug_fd_close(t.in), 0);
}

static int drain(void *p)
{
	struct tube *t = p;
	char buf[4096];
	settle();
	for (int i = 0; i < 16; i++)
		if (ug_fd_read(t->in, buf, sizeof buf) != sizeof buf)
			return -EIO;
	return 0;
}

static void writable_descriptor_fires(void)
{
	struct tube t = tube();
	static const char zeros[4096];
	struct ug_case c[] = {UG_WRITABLE(t.out), UG_DEFAULT};
	CHECK_EQ(ug_select(c, 2), 0);
	for (int i = 0; i < 1000 && ug_select(c, 2) == 0; i++)
		CHECK(ug_fd_write(t.out, zeros, sizeof zeros) > 0);
	CHECK_EQ(ug_select(c, 2), 1);
	struct actor a;
	start(&a, drain, &t);
	struct ug_case d[] = {UG_WRITABLE(t.out), UG_AFTER(UG_HOUR)};
	CHECK_EQ(ug_select(d, 2), 0);
	CHECK_EQ(join(&a), 0);
	tube_close(&t);
}

static void descriptor_channel_and_timer_in_one_select(void)
{
	struct tube t = tube();
	CHAN ch = chan_of(1);
	int v = -1;
	char byte;
	struct ug_case c[] = {UG_READABLE(t.in), UG_RECV(ch, &v), UG_AFTER(2 * UG_MS)};
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(put(ch, i), 0);
		CHECK_EQ(ug_select(c, 3), 1);
		CHECK_EQ(v, i);
		CHECK_EQ(ug_fd_write(t.out, "x", 1), 1);
		CHECK_EQ(ug_select(c, 3), 0);
		CHECK_EQ(ug_fd_read(t.in, &byte, 1), 1);
	}
	CHECK_EQ(ug_select(c, 3), 2);
	tube_close(&t);
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
	ALL(after_fires_not_before_its_time),
	ALL(after_zero_and_the_past_fire_at_once),
	ALL(at_fires_at_its_time),
	ALL(earlier_timer_wins),
	ALL(value_beats_a_later_timer),
	ALL(stopped_timers_stay_silent),
	ALL(deadline_beats_a_later_timer),
	ALL(end_of_a_task_is_a_case),
	ALL(error_of_a_task_is_the_result_of_its_case),
	ALL(first_of_several_tasks),
	ALL(readable_descriptor_fires),
	ALL(end_of_stream_is_readable),
	ALL(writable_descriptor_fires),
	ALL(descriptor_channel_and_timer_in_one_select),
	BARE(one_value_wakes_one_select),
	BARE(after_fires_not_before_its_time),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
