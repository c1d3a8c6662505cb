/* SPDX-License-Identifier: MIT */
/* A round trip over two unbuffered channels. */
#include "bench.h"

typedef UG_CHAN(int) int_chan;

static int_chan ping, pong;

static int answer(void *arg)
{
	(void)arg;
	for (int v; ug_recv(ping, &v) == 0;)
		bench_must(ug_send(pong, &v));
	return 0;
}

static int pingpong(void)
{
	size_t n = bench_size(2000000);
	bench_must(ug_chan_new(&ping, 0));
	bench_must(ug_chan_new(&pong, 0));
	bench_must(ug_go(answer, NULL));
	int64_t start = bench_now();
	for (int i = 0; i < (int)n; i++) {
		int v;
		bench_must(ug_send(ping, &i));
		bench_must(ug_recv(pong, &v));
	}
	bench_report_per(start, n, "ns/round-trip");
	return 0;
}

BENCH("chan-pingpong", pingpong)
