/* SPDX-License-Identifier: MIT */
/* One sender, one receiver, and room for 128 between them: what one item costs. */
#include "bench.h"

typedef UG_CHAN(int) int_chan;

static int_chan items;

static int produce(void *arg)
{
	int n = *(int *)arg;
	for (int i = 0; i < n; i++)
		bench_must(ug_send(items, &i));
	return ug_close(items);
}

static int buffered(void)
{
	int n = (int)bench_size(10000000);
	int64_t sum = 0;
	bench_must(ug_chan_new(&items, 128));
	int64_t start = bench_now();
	bench_must(ug_go(produce, &n));
	for (int v; ug_recv(items, &v) == 0;)
		sum += v;
	bench_report_per(start, (size_t)n, "ns/item");
	bench_check(sum == (int64_t)n * (n - 1) / 2, "items lost");
	return 0;
}

BENCH("chan-buffered-1p1c", buffered)
