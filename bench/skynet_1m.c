/* SPDX-License-Identifier: MIT */
/* A tree of tasks, ten to a node, a million leaves: each leaf sends its number up, each node the sum of its ten. */
#include "bench.h"

typedef UG_CHAN(int64_t) sum_chan;

struct node {
	sum_chan up; /* a reference of its own: the parent may be gone before the send returns */
	int64_t num, leaves;
};

static int skynet(void *arg)
{
	struct node *node = arg;
	UG_CLEAN(ug_chan_unref) sum_chan up = node->up;
	int64_t sum = node->num;
	if (node->leaves > 1) {
		UG_CLEAN(ug_chan_unref) sum_chan below = UG_NIL;
		int64_t leaves = node->leaves / 10, v;
		bench_must(ug_chan_new(&below, 0));
		for (int i = 0; i < 10; i++) {
			struct node child = {below, node->num + i * leaves, leaves};
			ug_chan_ref(&below);
			bench_must(ug_go_copy(skynet, &child, sizeof child));
		}
		sum = 0;
		for (int i = 0; i < 10; i++) {
			bench_must(ug_recv(below, &v));
			sum += v;
		}
	}
	return ug_send(up, &sum);
}

static int tree(void)
{
	int64_t n = (int64_t)bench_size(1000000), sum;
	sum_chan top = UG_NIL;
	bench_must(ug_chan_new(&top, 0));
	int64_t start = bench_now();
	struct node root = {top, 0, n};
	ug_chan_ref(&top);
	bench_must(ug_go_copy(skynet, &root, sizeof root));
	bench_must(ug_recv(top, &sum));
	bench_report_per(start, UG_MS, "ms");
	bench_check(sum == n * (n - 1) / 2, "leaves lost");
	return 0;
}

BENCH("skynet-1M", tree)
