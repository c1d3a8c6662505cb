/* SPDX-License-Identifier: MIT */
/* Eight senders, eight receivers, one channel with room for 128: what one item costs. */
#include "bench.h"
#include <stdatomic.h>

typedef UG_CHAN(int) int_chan;

enum { SIDES = 8 };
static int_chan items;
static int each;
static atomic_long got;

static int produce(void *arg)
{
	(void)arg;
	for (int i = 0; i < each; i++)
		bench_must(ug_send(items, &i));
	return 0;
}

static int consume(void *arg)
{
	(void)arg;
	long k = 0;
	for (int v; ug_recv(items, &v) == 0;)
		k++;
	atomic_fetch_add(&got, k);
	return 0;
}

static int mpmc(void)
{
	ug_group senders, receivers;
	each = (int)bench_size(1000000);
	bench_must(ug_chan_new(&items, 128));
	int64_t start = bench_now();
	ug_group_open(&receivers, NULL);
	UG_GROUP(&senders)
		for (int i = 0; i < SIDES; i++) {
			bench_must(ug_group_go(&senders, produce, NULL));
			bench_must(ug_group_go(&receivers, consume, NULL));
		}
	bench_must(ug_close(items));
	bench_must(ug_group_close(&receivers));
	bench_report_per(start, SIDES * (size_t)each, "ns/item");
	bench_check(got == (long)SIDES * each, "items lost");
	return 0;
}

BENCH("chan-mpmc-8x8", mpmc)
