/*
 * Select with a time-out: prints what a sensor tells, and goes on without it when it has fallen silent.
 *
 * A select is an array of cases and a switch over the index of the one that fired. The array can be used again as it
 * stands; UG_AFTER counts from each call. Of several cases that could go on, each is equally likely.
 */
#include <undergo/undergo.h>

typedef UG_CHAN(int) int_chan;

static int sensor(void *arg)
{
	int_chan *readings = (int_chan *)arg;
	for (int degrees = 20; degrees < 23; degrees++)
		UG_TRY(ug_send(*readings, &degrees));
	return ug_sleep(UG_HOUR); /* stuck; leaving the group's block ends this */
}

static int watch(int_chan readings)
{
	int degrees;
	struct ug_case cases[] = {UG_RECV(readings, &degrees), UG_AFTER(200 * UG_MS)};
	for (;;) {
		switch (ug_select(cases, UG_COUNT_OF(cases))) {
		case 0:
			ug_printf("%d degrees\n", degrees);
			break;
		case 1:
			ug_printf("no reading for 200 ms\n");
			return 0;
		default: /* the context has ended */
			return ug_ctx_err(NULL);
		}
	}
}

static int app(int argc, char **argv)
{
	(void)argc, (void)argv;
	UG_CLEAN(ug_chan_unref) int_chan readings = UG_NIL;
	UG_TRY(ug_chan_new(&readings, 0));

	int result = 0;
	ug_group g;
	UG_GROUP(&g) {
		ug_group_go(&g, sensor, &readings);
		result = watch(readings);
		ug_group_cancel(&g, 0);
	}
	return result;
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
