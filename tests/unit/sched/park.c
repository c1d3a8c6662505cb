/* SPDX-License-Identifier: MIT */
/* Park and ready by themselves: one winner, no wake lost, whoever wakes whom from where. */
#include "sched_test.h"

#include "sched/sched_priv.h"
#include <pthread.h>

/* A place to wait at, as simple as the contract allows. */
struct place {
	uint32_t lock;
	struct ug__waitq q;
};

static int wait_at(struct place *p, int how)
{
	struct ug__task *t = ug__self();
	UG_TRY(ug__wait_check(t));
	struct ug__waiter w = {.task_ = t, .result_ = 77};
	ug__lock(&p->lock);
	ug__wait_arm(t, how, p);
	ug__waitq_push(&p->q, &w);
	ug__unlock(&p->lock);
	int e = ug__park(t);
	if (e < 0) {
		ug__lock(&p->lock);
		ug__waitq_remove(&p->q, &w);
		ug__unlock(&p->lock);
		return e;
	}
	return w.result_;
}

/* Wakes the first that can be won, and gives it a value: 1; nobody: 0. */
static int wake_one(struct place *p, int value)
{
	ug__lock(&p->lock);
	struct ug__waiter *w = ug__waitq_win(&p->q);
	struct ug__task *t = w ? w->task_ : NULL;
	if (w)
		w->result_ = value;
	ug__unlock(&p->lock);
	if (t)
		ug__ready(t);
	return t != NULL;
}

static struct place place, places[8];
static uint32_t left, woken, ended, wakes;

static int wait_once(void *how)
{
	int r = wait_at(&place, (int)(intptr_t)how);
	CHECK_IS(r, 5);
	add_seq(&left, -1u);
	return 0;
}

IN_TASK(each_wake_wakes_one)
{
	for (int round = 0; round < 100; round++) {
		left = 20;
		for (int i = 0; i < 20; i++)
			CHECK_IS(ug_go(wait_once, (void *)(intptr_t)(UG__WAIT_RECV | (i % 2 ? UG__WAIT_HARD : 0))), 0);
		for (int i = 0; i < 20; i++)
			UNTIL(wake_one(&place, 5));
		UNTIL(load_seq(&left) == 0);
		CHECK_IS(wake_one(&place, 5), 0);
	}
	return 0;
}

/* Wakes race with ends of contexts, from tasks, timers and plain threads. What was won equals what was woken. */
static int wait_and_end(void *unused)
{
	(void)unused;
	for (int i = 0; i < 300; i++) {
		ug_ctx c;
		ug_ctx_push_timeout(&c, ug__random() % 50 * UG_US);
		int r = wait_at(&place, UG__WAIT_RECV);
		CHECK(r == 5 || r == -ETIMEDOUT);
		add_seq(r == 5 ? &woken : &ended, 1u);
		ug_ctx_pop(&c);
	}
	add_seq(&left, -1u);
	return 0;
}

static void *wait_on_thread(void *unused)
{
	wait_and_end(unused);
	return NULL;
}

static void *wake_on_thread(void *unused)
{
	(void)unused;
	while (load_seq(&left))
		if (wake_one(&place, 5))
			add_seq(&wakes, 1u);
	return NULL;
}

static int wake_from_task(void *unused)
{
	(void)unused;
	while (load_seq(&left)) {
		if (wake_one(&place, 5))
			add_seq(&wakes, 1u);
		if (ug__random() % 4 == 0)
			CHECK_IS(ug_sleep(ug__random() % 30 * UG_US), 0);
		else
			ug_yield();
	}
	add_seq(&ended, 1u);
	return 0;
}

IN_TASK(a_wake_and_an_end_have_one_winner)
{
	pthread_t t[3];
	left = 22;
	woken = ended = wakes = 0;
	for (int i = 0; i < 20; i++)
		CHECK_IS(ug_go(wait_and_end, NULL), 0);
	for (int i = 0; i < 2; i++)
		CHECK_IS(pthread_create(&t[i], NULL, wait_on_thread, NULL), 0);
	CHECK_IS(pthread_create(&t[2], NULL, wake_on_thread, NULL), 0);
	CHECK_IS(ug_go(wake_from_task, NULL), 0);
	UNTIL(load_seq(&woken) + load_seq(&ended) == 22 * 300 + 1);
	for (int i = 0; i < 3; i++)
		CHECK_IS(pthread_join(t[i], NULL), 0);
	CHECK_IS(load_seq(&woken), load_seq(&wakes));
	CHECK(ug__waitq_idle(&place.q));
	return 0;
}

/* The queue of a lock that is this thread's own, and a context that ends: before the wait sleeps, or while it does. */
IN_TASK(a_wait_that_fails_leaves_a_lock_of_its_own)
{
	static struct ug__biased lock;
	static struct ug__bias bias;
	static struct ug__waitq q;
	CHECK_IS(ug_pin(), 0);
	const struct ug__owner *me = ug__this_owner;
	for (int sleeps = 0; sleeps < 2 && me; sleeps++) { /* without membarrier there are no such locks */
		struct ug__owner *owned = ug__biased_lock(&lock, &bias);
		while (!owned) {
			ug__biased_unlock(&lock, NULL);
			owned = ug__biased_lock(&lock, &bias);
		}
		ug_ctx c;
		ug_ctx_push_timeout(&c, sleeps ? UG_MS : UG_HOUR);
		if (!sleeps)
			ug_ctx_cancel(&c, 0);
		CHECK_IS(ug__wait_in(&lock, &bias, owned, &q, NULL, UG__WAIT_RECV), sleeps ? -ETIMEDOUT : -ECANCELED);
		ug_ctx_pop(&c);
		CHECK_IS(me->n, 0);
		for (int i = 0; i < UG__OWNED_MOST; i++)
			CHECK(!me->locks[i]);
		CHECK_IS(bias.owner, me->id);
		CHECK_IS(lock.word, 0);
		CHECK(ug__waitq_idle(&q));
	}
	ug_unpin();
	return 0;
}

/* Rings of tasks that hand a token on: each wake is the only one that is under way, so one lost is a hang. */
struct ring_member {
	struct place *mine, *next;
	uint32_t rounds;
};

static int pass_on(void *arg)
{
	struct ring_member m = *(struct ring_member *)arg;
	for (uint32_t i = 0; i < m.rounds; i++) {
		CHECK_IS(wait_at(m.mine, UG__WAIT_RECV), (int)i);
		if (m.next != &places[0] || i + 1 < m.rounds)
			UNTIL(wake_one(m.next, m.next == &places[0] ? (int)i + 1 : (int)i));
	}
	add_seq(&left, -1u);
	return 0;
}

static void *pass_on_thread(void *arg)
{
	pass_on(arg);
	return NULL;
}

static void pass_round(int threads, uint32_t rounds)
{
	pthread_t t[8];
	struct ring_member m[8];
	left = 8;
	for (int i = 0; i < 8; i++) {
		m[i] = (struct ring_member){.mine = &places[i], .next = &places[(i + 1) % 8], .rounds = rounds};
		if (i < threads)
			CHECK_IS(pthread_create(&t[i], NULL, pass_on_thread, &m[i]), 0);
		else
			CHECK_IS(ug_go(pass_on, &m[i]), 0);
	}
	UNTIL(wake_one(&places[0], 0));
	while (load_seq(&left)) /* nobody else keeps a processor busy */
		CHECK_IS(ug_sleep(UG_MS / 2), 0);
	for (int i = 0; i < threads; i++)
		CHECK_IS(pthread_join(t[i], NULL), 0);
}

IN_TASK(a_token_goes_round_among_tasks)
{
	pass_round(0, 3000);
	return 0;
}

IN_TASK(a_token_goes_round_among_tasks_and_threads)
{
	pass_round(1, 500);
	pass_round(4, 500);
	pass_round(8, 500);
	return 0;
}

/* A wait that turns out not to be needed. */
static int arm_and_disarm(void *unused)
{
	(void)unused;
	struct ug__task *t = ug__self();
	for (int i = 0; i < 20000; i++) {
		struct ug__waiter w = {.task_ = t, .result_ = 77};
		ug__lock(&place.lock);
		ug__wait_arm(t, UG__WAIT_RECV | (i % 2 ? UG__WAIT_HARD : 0), &place);
		ug__waitq_push(&place.q, &w);
		ug__unlock(&place.lock);
		if (i % 64 == 0)
			for (int k = 0; k < 200; k++)
				compiler_barrier();
		int won = !ug__wait_disarm(t);
		if (won) {
			CHECK_IS(ug__park(t), 0);
			add_seq(&woken, 1u);
		}
		ug__lock(&place.lock);
		CHECK_IS(w.result_, won ? 5 : 77);
		CHECK(!won || !w.queued_);
		ug__waitq_remove(&place.q, &w);
		ug__unlock(&place.lock);
	}
	add_seq(&left, -1u);
	return 0;
}

IN_TASK(a_wait_taken_back_was_never_won)
{
	pthread_t t;
	left = 3;
	woken = wakes = ended = 0;
	CHECK_IS(pthread_create(&t, NULL, wake_on_thread, NULL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_IS(ug_go(arm_and_disarm, NULL), 0);
	UNTIL(load_seq(&left) == 0);
	CHECK_IS(pthread_join(t, NULL), 0);
	CHECK_IS(load_seq(&woken), load_seq(&wakes));
	return 0;
}

/* None goes on before all have come as far: whoever yields must let every other have its turn, again and again. */
enum { TOGETHER = 50, STEPS = 50 };
static uint32_t steps[STEPS];

static int keep_step(void *unused)
{
	(void)unused;
	for (int i = 0; i < STEPS; i++) {
		add_seq(&steps[i], 1u);
		UNTIL(load_seq(&steps[i]) == TOGETHER);
	}
	add_seq(&left, -1u);
	return 0;
}

IN_TASK(yields_give_everybody_a_turn)
{
	left = TOGETHER;
	memset(steps, 0, sizeof steps);
	for (int i = 0; i < TOGETHER; i++)
		CHECK_IS(ug_go(keep_step, NULL), 0);
	UNTIL(load_seq(&left) == 0);
	return 0;
}

/* A thread that ends gives its record back, and calls the library once more from the destructor of another key. */
static struct ug__task *of_another, *of_the_ending;
static pthread_barrier_t both;

static void *look_for_self(void *unused)
{
	of_another = ug__self();
	pthread_barrier_wait(&both);
	pthread_barrier_wait(&both);
	return unused;
}

static void end_late(void *unused)
{
	(void)unused;
	pthread_t another;
	if (pthread_create(&another, NULL, look_for_self, NULL))
		return;
	pthread_barrier_wait(&both);
	of_the_ending = ug__self();
	pthread_barrier_wait(&both);
	pthread_join(another, NULL);
}

static void *end_with_a_destructor(void *key)
{
	pthread_setspecific(*(pthread_key_t *)key, key);
	(void)ug__self();
	return NULL;
}

static void a_thread_that_ends_has_a_record_of_its_own(void **state)
{
	(void)state;
	pthread_key_t late;
	pthread_t ending;
	(void)ug__self(); /* the library's key is made before, so its destructor runs before */
	assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
	assert_int_equal(pthread_key_create(&late, end_late), 0);
	assert_int_equal(pthread_create(&ending, NULL, end_with_a_destructor, &late), 0);
	assert_int_equal(pthread_join(ending, NULL), 0);
	pthread_key_delete(late);
	assert_non_null(of_the_ending);
	assert_ptr_not_equal(of_the_ending, of_another);
}

/* Two that always wake each other use the slot; a third in the ring must have its turn. */
static uint32_t stop;

static int play(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	while (!is_set(&stop)) {
		wake_one(&places[1 - me], 0);
		UG_WITH_TIMEOUT(UG_MS)
			wait_at(&places[me], UG__WAIT_RECV);
	}
	add_seq(&left, -1u);
	return 0;
}

IN_TASK(a_pair_that_plays_starves_nobody)
{
	left = 2;
	stop = 0;
	for (uintptr_t i = 0; i < 2; i++)
		CHECK_IS(ug_go(play, (void *)i), 0);
	int64_t give_up = ug_now() + 20 * UG_SECOND;
	for (int i = 0; i < 500; i++) {
		ug_yield();
		CHECK(ug_now() < give_up);
	}
	set(&stop);
	UNTIL(load_seq(&left) == 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wake_wakes_one),
		cmocka_unit_test(a_wake_and_an_end_have_one_winner),
		cmocka_unit_test(a_wait_that_fails_leaves_a_lock_of_its_own),
		cmocka_unit_test(a_token_goes_round_among_tasks),
		cmocka_unit_test(a_token_goes_round_among_tasks_and_threads),
		cmocka_unit_test(a_wait_taken_back_was_never_won),
		cmocka_unit_test(a_thread_that_ends_has_a_record_of_its_own),
		cmocka_unit_test(yields_give_everybody_a_turn),
		cmocka_unit_test(a_pair_that_plays_starves_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
