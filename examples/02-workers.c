/*
 * A pool of workers over a channel: 02-workers [WORKERS] squares 100 numbers and adds them up.
 *
 * Whoever is free takes the next job; nobody shares memory. A closed channel still gives what is in it, and then
 * -EPIPE, so a receive loop ends by itself. When the group's block is left, each worker has sent its sum.
 */
#include <stdlib.h>
#include <undergo/undergo.h>

typedef UG_CHAN(int) int_chan;
typedef UG_CHAN(long) long_chan;

struct pool {
	int_chan jobs;
	long_chan sums;
};

static int worker(void *arg)
{
	struct pool *p = (struct pool *)arg;
	long sum = 0;
	for (int n; ug_recv(p->jobs, &n) == 0;)
		sum += (long)n * n;
	return ug_send(p->sums, &sum);
}

static int app(int argc, char **argv)
{
	int workers = argc > 1 ? atoi(argv[1]) : 4;
	UG_CLEAN(ug_chan_unref) int_chan jobs = UG_NIL;
	UG_CLEAN(ug_chan_unref) long_chan sums = UG_NIL;
	UG_TRY(ug_chan_new(&jobs, 16));
	UG_TRY(ug_chan_new(&sums, (size_t)workers));

	struct pool p = {jobs, sums};
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < workers; i++)
			ug_group_go(&g, worker, &p);
		for (int i = 1; i <= 100; i++)
			if (ug_send(jobs, &i) < 0) /* a worker failed, so the group is cancelled: no hang here */
				break;
		ug_close(jobs);
	}
	UG_TRY(ug_group_result(&g));

	long total = 0;
	for (long sum; ug_try_recv(sums, &sum) == 0;)
		total += sum;
	return ug_printf("%d workers: 1 + 4 + 9 + ... + 10000 = %ld\n", workers, total);
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
