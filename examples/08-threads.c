/*
 * A plain thread feeds tasks: a library with threads of its own (here: one from pthread_create) and undergo, side by
 * side.
 *
 * Channels, groups and locks work from any thread of the process. Where a task would park, a thread sleeps in the
 * kernel. pthread_join blocks its thread, and does not know of tasks: ug_blocking lets it do so on a thread of the
 * pool.
 */
#include <pthread.h>
#include <undergo/undergo.h>

typedef UG_CHAN(int) int_chan;

static void *feed(void *arg) /* a plain thread, of no runtime */
{
	int_chan *numbers = (int_chan *)arg;
	for (int i = 1; i <= 1000; i++)
		if (ug_send(*numbers, &i) < 0)
			break;
	ug_close(*numbers);
	return NULL;
}

static int join(void *thread)
{
	return -pthread_join(*(pthread_t *)thread, NULL);
}

struct adder {
	int_chan numbers;
	long sum;
};

static int add(void *arg)
{
	struct adder *a = (struct adder *)arg;
	for (int n; ug_recv(a->numbers, &n) == 0;)
		a->sum += n;
	return 0;
}

static int app(int argc, char **argv)
{
	(void)argc, (void)argv;
	UG_CLEAN(ug_chan_unref) int_chan numbers = UG_NIL;
	UG_TRY(ug_chan_new(&numbers, 8));

	pthread_t thread;
	UG_TRY(-pthread_create(&thread, NULL, feed, &numbers));

	struct adder adders[] = {{numbers, 0}, {numbers, 0}};
	ug_group g;
	UG_GROUP(&g) {
		ug_group_go(&g, add, &adders[0]);
		ug_group_go(&g, add, &adders[1]);
	}
	UG_TRY(ug_blocking(join, &thread));
	ug_printf("1 + 2 + ... + 1000 = %ld\n", adders[0].sum + adders[1].sum);
	return ug_group_result(&g);
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
