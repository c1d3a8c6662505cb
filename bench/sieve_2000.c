/* SPDX-License-Identifier: MIT */
/* The 2,000th prime through chained filters, a task a prime. */
#include "bench.h"

typedef UG_CHAN(int) int_chan;

struct filter {
	int_chan in, out;
	int prime;
};

static int generate(void *arg)
{
	int_chan out = *(int_chan *)arg;
	for (int v = 2;; v++)
		bench_must(ug_send(out, &v));
	return 0;
}

static int filter(void *arg)
{
	struct filter *f = arg;
	for (int v; ug_recv(f->in, &v) == 0;)
		if (v % f->prime != 0)
			bench_must(ug_send(f->out, &v));
	return 0;
}

static int sieve(void)
{
	int n = bench_quick ? 100 : 2000, want = bench_quick ? 541 : 17389, prime = 0;
	int_chan last;
	int64_t start = bench_now();
	bench_must(ug_chan_new(&last, 0));
	bench_must(ug_go_copy(generate, &last, sizeof last));
	for (int i = 0; i < n; i++) {
		bench_must(ug_recv(last, &prime));
		struct filter f = {last, UG_NIL, prime};
		bench_must(ug_chan_new(&f.out, 0));
		bench_must(ug_go_copy(filter, &f, sizeof f));
		last = f.out;
	}
	bench_report_per(start, UG_SECOND, "s");
	bench_check(prime == want, "wrong prime");
	return 0;
}

BENCH("sieve-2000", sieve)
