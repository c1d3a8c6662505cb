/*
 * The first error stops the rest: three parts of a job at once, one of which fails.
 *
 * A task that answers a negative code cancels its group: the others' waiting calls, and the owner's inside the block,
 * answer -ECANCELED. The group's result is the first error, not what it led to in the others.
 */
#include <undergo/undergo.h>

struct part {
	const char *name;
	int64_t takes;
	int fails, result;
};

static int run(void *arg)
{
	struct part *p = (struct part *)arg;
	p->result = ug_sleep(p->takes);
	if (p->result == 0 && p->fails)
		p->result = p->fails;
	return p->result;
}

static int app(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct part parts[] = {
		{"index", UG_HOUR, 0, 0},
		{"images", 10 * UG_MS, -ENOENT, 0},
		{"videos", UG_HOUR, 0, 0},
	};
	ug_group g;
	UG_GROUP(&g) {
		for (size_t i = 0; i < UG_COUNT_OF(parts); i++)
			ug_group_go(&g, run, &parts[i]);
	}
	for (size_t i = 0; i < UG_COUNT_OF(parts); i++)
		ug_printf("%s: %s\n", parts[i].name, ug_strerror(parts[i].result));
	ug_printf("the job: %s\n", ug_strerror(ug_group_result(&g)));
	return 0;
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
