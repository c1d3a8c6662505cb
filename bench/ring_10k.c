/* SPDX-License-Identifier: MIT */
/* A token goes round a ring of 10,000 tasks: what one hop costs. */
#include "bench.h"

typedef UG_CHAN(int) int_chan;

enum { TASKS = 10000 };

struct link {
	int_chan in, out;
};

static int pass_on(void *arg)
{
	struct link *link = arg;
	for (int v; ug_recv(link->in, &v) == 0;)
		bench_must(ug_send(link->out, &v));
	return 0;
}

static int ring(void)
{
	int laps = (int)(bench_size(5000000) / TASKS), v = 0;
	int_chan first, last;
	bench_must(ug_chan_new(&first, 0));
	last = first;
	for (int i = 0; i < TASKS - 1; i++) {
		struct link link = {last, UG_NIL};
		bench_must(ug_chan_new(&link.out, 0));
		bench_must(ug_go_copy(pass_on, &link, sizeof link));
		last = link.out;
	}
	bench_must(ug_send(first, &v)); /* one lap first: all tasks have started */
	bench_must(ug_recv(last, &v));
	int64_t start = bench_now();
	for (int i = 0; i < laps; i++) {
		bench_must(ug_send(first, &i));
		bench_must(ug_recv(last, &v));
	}
	bench_report_per(start, (size_t)laps * TASKS, "ns/hop");
	return 0;
}

BENCH("ring-10k", ring)
