/* SPDX-License-Identifier: MIT */
/* Cases of select that are no channel's: timers, ends of tasks, descriptors. */
#include "actor.h"

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
	BARE(after_fires_not_before_its_time),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
