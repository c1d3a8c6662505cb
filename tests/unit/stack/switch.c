/* SPDX-License-Identifier: MIT */
/* The switch: what the compiler keeps in registers survives it, values are passed, backtraces end at the entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unwind.h>

#include "stack/announce.h"
#include "stack/stack.h"
#include "stack/switch.h"

struct side {
	struct ug__switch regs;
	struct ug__announce announce;
};

static struct side home, away;
static struct ug__stack *stack;
static void (*body)(void *pass);

/* Goes to the other side, and comes back with what that one passes. */
static __attribute__((noinline)) void *go(struct side *from, struct side *to, void *pass)
{
	ug__announce_switch(&from->announce, &to->announce);
	void *got = ug__switch(&from->regs, &to->regs, pass);
	ug__announce_arrived(&from->announce, NULL);
	return got;
}

static void entry(void *pass)
{
	ug__announce_arrived(&away.announce, &home.announce);
	body(pass);
	abort();
}

static int set_up(void **state)
{
	(void)state;
	stack = ug__stack_get(18);
	char *base = ug__stack_base(stack), *start = ug__stack_start(stack);
	ug__announce_thread(&home.announce);
	ug__announce_new(&away.announce, base, (size_t)(start - base));
	ug__switch_init(&away.regs, start, entry);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ug__announce_gone(&away.announce);
	ug__stack_end();
	return 0;
}

static void echo(void *pass)
{
	for (;;)
		pass = go(&away, &home, (void *)((uintptr_t)pass + 1));
}

static void values_are_passed_both_ways(void **state)
{
	(void)state;
	body = echo;
	for (uintptr_t i = 0; i < 100000; i++)
		assert_int_equal((uintptr_t)go(&home, &away, (void *)i), i + 1);
}

/*
 * More live values than there are registers, whole numbers and floating ones, on both sides and of different contents:
 * whatever the compiler keeps where, the switch must bring it back. `next` keeps it from computing any of them anew.
 */
static volatile uint64_t seed = 12345;

static uint64_t next(void)
{
	return seed = seed * 6364136223846793005u + 1442695040888963407u;
}

static uint64_t live_across(struct side *from, struct side *to, int rounds)
{
	uint64_t a = next(), b = next(), c = next(), d = next(), e = next(), f = next(), g = next(), h = next();
	uint64_t i = next(), j = next(), k = next(), l = next(), m = next(), n = next(), o = next(), p = next();
	uint64_t q = next(), r = next(), s = next(), t = next(), u = next(), v = next(), w = next(), x = next();
	double da = (double)a, db = (double)b, dc = (double)c, dd = (double)d, de = (double)e, df = (double)f;
	double dg = (double)g, dh = (double)h, di = (double)i, dj = (double)j, dk = (double)k, dl = (double)l;
	double dm = (double)m, dn = (double)n, dp = (double)p, dq = (double)q, dr = (double)r, ds = (double)s;
	uint64_t wrong = 0;
	for (int round = 0; round < rounds; round++) {
		uint64_t sum =
			a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l ^ m ^ n ^ o ^ p ^ q ^ r ^ s ^ t ^ u ^ v ^ w ^ x;
		double dsum = da + db + dc + dd + de + df + dg + dh + di + dj + dk + dl + dm + dn + dp + dq + dr + ds;
		volatile uint64_t sum_kept = sum;
		volatile double dsum_kept = dsum;
		go(from, to, NULL);
		sum = a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l ^ m ^ n ^ o ^ p ^ q ^ r ^ s ^ t ^ u ^ v ^ w ^ x;
		dsum = da + db + dc + dd + de + df + dg + dh + di + dj + dk + dl + dm + dn + dp + dq + dr + ds;
		wrong += sum != sum_kept;
		wrong += dsum != dsum_kept;
		a += 3, h ^= a, m += h, x ^= m, da += 1, dl -= 2, ds += 0.5;
	}
	return wrong;
}

static volatile uint64_t wrong_away;

static void live_away(void *pass)
{
	(void)pass;
	for (;;)
		wrong_away += live_across(&away, &home, 1000);
}

static void what_lives_in_registers_survives(void **state)
{
	(void)state;
	body = live_away;
	assert_int_equal(live_across(&home, &away, 100000), 0);
	assert_int_equal(wrong_away, 0);
}

/* Both ways once in the caller's own frame, where the switch stands inline among the caller's values. */
static void inline_away(void *pass)
{
	for (;;) {
		volatile double trash[4] = {1.5, 2.5, 3.5, 4.5};
		pass = go(&away, &home, (void *)((uintptr_t)pass ^ (uintptr_t)(trash[0] + trash[3])));
	}
}

static void an_inlined_switch_keeps_its_frame(void **state)
{
	(void)state;
	body = inline_away;
	uint64_t a = next(), b = next(), c = next(), d = next(), e = next(), f = next(), g = next();
	double x = (double)next(), y = (double)next();
	double z = x * y;
	uint64_t sum = a + b + c + d + e + f + g;
	for (int i = 0; i < 1000; i++) {
		ug__announce_switch(&home.announce, &away.announce);
		void *got = ug__switch(&home.regs, &away.regs, (void *)(uintptr_t)i);
		ug__announce_arrived(&home.announce, NULL);
		assert_int_equal((uintptr_t)got, (uintptr_t)i ^ 6);
		assert_int_equal(a + b + c + d + e + f + g, sum);
		assert_true(x * y == z);
	}
}

static void stack_is_aligned(void *pass)
{
	(void)pass;
	uint64_t aligned __attribute__((aligned(16))) = 0;
	volatile uintptr_t at = (uintptr_t)&aligned;
	go(&away, &home, (void *)(at % 16));
	/* Variable arguments and doubles: libc would fault on a misaligned one. */
	char text[64];
	double d = (double)next();
	snprintf(text, sizeof text, "%.3f %Lf", d, (long double)d);
	go(&away, &home, (void *)(uintptr_t)(__builtin_frame_address(0) < (void *)stack));
}

static void frames_begin_aligned(void **state)
{
	(void)state;
	body = stack_is_aligned;
	assert_int_equal((uintptr_t)go(&home, &away, NULL), 0);
	assert_int_equal((uintptr_t)go(&home, &away, NULL), 1);
}

struct walk {
	int frames;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *c, void *arg)
{
	struct walk *w = arg;
	(void)c;
	return ++w->frames > 1000 ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static __attribute__((noinline)) int deep(int n, struct walk *w)
{
	if (n == 0)
		return (int)_Unwind_Backtrace(step, w);
	int e = deep(n - 1, w);
	__asm__ volatile("" ::: "memory");
	return e;
}

static void walk_away(void *pass)
{
	struct walk *w = pass;
	deep(10, w);
	go(&away, &home, w);
}

static void a_backtrace_stops_at_the_entry(void **state)
{
	(void)state;
	body = walk_away;
	struct walk w = {.frames = 0};
	go(&home, &away, &w);
	assert_in_range(w.frames, 11, 20); /* deep, its caller, entry, and the first frame of all */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(values_are_passed_both_ways),
		CASE(what_lives_in_registers_survives),
		CASE(an_inlined_switch_keeps_its_frame),
		CASE(frames_begin_aligned),
		CASE(a_backtrace_stops_at_the_entry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
