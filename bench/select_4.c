/* SPDX-License-Identifier: MIT */
/* One select over four receives, fed by one sender. */
#include "bench.h"

typedef UG_CHAN(int) int_chan;

static int_chan chans[4];

static int feed(void *arg)
{
	int n = *(int *)arg;
	for (int i = 0; i < n; i++)
		bench_must(ug_send(chans[i & 3], &i));
	return 0;
}

static int select_4(void)
{
	int n = (int)bench_size(2000000), v = 0;
	int64_t sum = 0;
	for (int i = 0; i < 4; i++)
		bench_must(ug_chan_new(&chans[i], 0));
	bench_must(ug_go(feed, &n));
	int64_t start = bench_now();
	for (int i = 0; i < n; i++) {
		struct ug_case cases[] = {
			UG_RECV(chans[0], &v), UG_RECV(chans[1], &v), UG_RECV(chans[2], &v), UG_RECV(chans[3], &v)};
		int k = ug_select(cases, 4);
		bench_must(k);
		bench_must(cases[k].result);
		sum += v;
	}
	bench_report_per(start, (size_t)n, "ns/select");
	bench_check(sum == (int64_t)n * (n - 1) / 2, "items lost");
	return 0;
}

BENCH("select-4", select_4)
