/* SPDX-License-Identifier: MIT */
/* Groups that let only so many tasks run, and two shapes of programs that groups are for. */
#include "group.h"

/* Limit ---------------------------------------------------------------------------------------------------------- */

static int count_inside(void *p)
{
	struct shared *s = p;
	int now = atomic_fetch_add(&s->inside, 1) + 1;
	int most = atomic_load(&s->most);
	while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
		;
	ug_yield();
	ug_yield();
	atomic_fetch_sub(&s->inside, 1);
	atomic_fetch_add(&s->ended, 1);
	return 0;
}

static void limit_bounds_how_many_run(void)
{
	struct shared s = {.error = 0};
	struct ug_group_opts opts = {.limit = 3};
	ug_group g;
	UG_GROUP_WITH(&g, &opts)
		for (int i = 0; i < 60; i++)
			CHECK_EQ(ug_group_go(&g, count_inside, &s), 0);
	CHECK_EQ(ug_group_result(&g), 0);
	CHECK_EQ(atomic_load(&s.ended), 60);
	CHECK(atomic_load(&s.most) <= 3);
}

static int wait_for_word(void *p)
{
	struct shared *s = p;
	int v = next(s->ch);
	return v < 0 ? v : 0;
}

static int give_word(void *p)
{
	struct shared *s = p;
	settle();
	atomic_store(&s->most, 1);
	return put(s->ch, 1);
}

static void full_group_makes_the_owner_wait(void)
{
	CHAN ch = chan_of(0);
	struct shared s = {.ch = ch}, second = {.error = 0};
	struct ug_group_opts opts = {.limit = 1};
	struct actor a;
	ug_group g;
	UG_GROUP_WITH(&g, &opts) {
		CHECK_EQ(ug_group_go(&g, wait_for_word, &s), 0);
		start(&a, give_word, &s);
		CHECK_EQ(ug_group_go(&g, note, &second), 0);
		CHECK_EQ(atomic_load(&s.most), 1); /* not before the first had its word */
	}
	CHECK_EQ(join(&a), 0);
	CHECK_EQ(ug_group_result(&g), 0);
}

static int fail_on_word(void *p)
{
	struct shared *s = p;
	(void)next(s->ch);
	return -EIO;
}

static void error_ends_a_wait_for_room(void)
{
	CHAN ch = chan_of(0);
	struct shared s = {.ch = ch}, second = {.error = 0};
	struct ug_group_opts opts = {.limit = 1};
	struct actor a;
	ug_group g;
	UG_GROUP_WITH(&g, &opts) {
		CHECK_EQ(ug_group_go(&g, fail_on_word, &s), 0);
		start(&a, give_word, &s);
		CHECK_EQ(ug_group_go(&g, note, &second), -ECANCELED);
	}
	CHECK_EQ(join(&a), 0);
	CHECK_EQ(atomic_load(&second.started), 0);
	CHECK_EQ(ug_group_result(&g), -EIO);
}

/* Two shapes from errgroup's examples: the first failing stage of a pipeline stops it; and a race for the first
 * answer. */

struct stage {
	int_chan in, out;
	int limit;
};

static int count_stage(void *p)
{
	struct stage *s = p;
	for (int i = 0;; i++)
		UG_TRY(put(s->out, i));
}

static int square_stage(void *p)
{
	struct stage *s = p;
	for (;;) {
		int v = next(s->in);
		UG_TRY(v);
		if (v == s->limit)
			return -ERANGE;
		UG_TRY(put(s->out, v * v));
	}
}

static void failing_stage_stops_the_pipeline(void)
{
	CHAN a = chan_of(2);
	CHAN b = chan_of(2);
	struct stage first = {.out = a}, second = {.in = a, .out = b, .limit = 50};
	int sum = 0, v = 0;
	ug_group g;
	UG_GROUP(&g) {
		CHECK_EQ(ug_group_go(&g, count_stage, &first), 0);
		CHECK_EQ(ug_group_go(&g, square_stage, &second), 0);
		while ((v = next(b)) >= 0)
			sum += v;
	}
	CHECK_EQ(v, -ECANCELED);
	CHECK_EQ(ug_group_result(&g), -ERANGE);
	while ((v = try_next(b)) >= 0)
		sum += v;
	CHECK_EQ(sum, 40425);
	while (try_next(a) >= 0)
		;
}

static int answer_or_wait(void *p)
{
	struct stage *s = p;
	if (s->limit == 0)
		return put(s->out, 99);
	(void)ug_sleep(UG_HOUR);
	return 0;
}

static int first_answer(struct stage *s, int n, int *answer)
{
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < n; i++)
			UG_TRY(ug_group_go(&g, answer_or_wait, &s[i]));
		UG_TRY(ug_recv(s->out, answer));
		return 0; /* the losers are cancelled and waited for */
	}
	return -EIO;
}

static void first_answer_cancels_the_rest(void)
{
	CHAN ch = chan_of(0);
	struct stage s[5];
	int answer = 0;
	for (int i = 0; i < 5; i++)
		s[i] = (struct stage){.out = ch, .limit = 3 - i};
	CHECK_EQ(first_answer(s, 5, &answer), 0);
	CHECK_EQ(answer, 99);
}

static const struct CMUnitTest tests[] = {
	ALL(limit_bounds_how_many_run),
	ALL(full_group_makes_the_owner_wait),
	ALL(error_ends_a_wait_for_room),
	ALL(failing_stage_stops_the_pipeline),
	ALL(first_answer_cancels_the_rest),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
