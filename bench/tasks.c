/* SPDX-License-Identifier: MIT */
/*
 * tasks N: what a task costs among N, for bench/curves. Three figures:
 *
 *	tasks-life     to start N tasks that wait, to wake them all and to see them end, in lots until there were
 *	               200,000: one of them
 *	tasks-memory   what one holds while all of them wait, where a thousand or more do
 *	tasks-trip     a value to one of N tasks that wait, each on a channel of its own, and back; one at random,
 *	               200,000 times
 */
#include "parked.h"
#include <errno.h>

enum { ENOUGH = 200000 };

typedef UG_CHAN(uint32_t) word_chan;

static int wait_for_end(void *arg)
{
	word_chan gate = {.core = arg};
	uint32_t v;
	bench_must(ug_waitgroup_done(&parked_all));
	return ug_recv(gate, &v) == -EPIPE ? 0 : -1;
}

/* Starts n tasks, and ends them once all are there. What one holds goes to *held, if it is not NULL. */
static void live(size_t n, double *held)
{
	UG_CLEAN(ug_chan_unref) word_chan gate = UG_NIL;
	ug_group g;
	double before = held ? held_memory() : 0;
	bench_must(ug_chan_new(&gate, 0));
	bench_must(ug_waitgroup_add(&parked_all, (int64_t)n));
	UG_GROUP(&g) {
		for (size_t i = 0; i < n; i++)
			bench_must(ug_group_go(&g, wait_for_end, gate.core));
		bench_must(ug_waitgroup_wait(&parked_all));
		if (held)
			*held = (held_memory() - before) / (double)n;
		bench_must(ug_close(gate));
	}
	bench_must(ug_group_result(&g));
}

static void life(size_t n)
{
	double held = 0;
	bench_row = "tasks-memory";
	if (n >= 1000) {
		live(n, &held); /* the first: later ones find memory of those before */
		bench_report(held, "B/task");
	}
	bench_row = "tasks-life";
	size_t lots = n < ENOUGH ? ENOUGH / n : 1;
	int64_t start = bench_now();
	for (size_t i = 0; i < lots; i++)
		live(n, NULL);
	bench_report_per(start, n * lots, "ns/task");
}

static word_chan back;

static int answer(void *arg)
{
	word_chan in = {.core = arg};
	for (uint32_t v; ug_recv(in, &v) == 0;)
		bench_must(ug_send(back, &v));
	return 0;
}

static void trip(size_t n)
{
	word_chan *to = calloc(n, sizeof *to);
	uint32_t r = 1, v;
	bench_check(to, "no memory");
	bench_must(ug_chan_new(&back, 0));
	for (size_t i = 0; i < n; i++) {
		bench_must(ug_chan_new(&to[i], 0));
		bench_must(ug_go(answer, to[i].core));
	}
	bench_row = "tasks-trip";
	for (size_t i = 0; i < n; i++) { /* all have started */
		bench_must(ug_send(to[i], &r));
		bench_must(ug_recv(back, &v));
	}
	int64_t start = bench_now();
	for (int i = 0; i < ENOUGH; i++) {
		r ^= r << 13;
		r ^= r >> 17;
		r ^= r << 5;
		bench_must(ug_send(to[r % n], &r));
		bench_must(ug_recv(back, &v));
		bench_check(v == r, "a value is lost");
	}
	bench_report_per(start, ENOUGH, "ns/round-trip");
}

static int tasks(int argc, char **argv)
{
	size_t n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	if (n == 0) {
		fprintf(stderr, "usage: tasks N\n");
		return 2;
	}
	life(n);
	trip(n);
	return 0;
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, tasks, NULL);
}
