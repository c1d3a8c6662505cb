/*
 * Hello: 01-hello [NAME]..., one task for each name, all at once.
 *
 * A group is a scope. Its block is left when all of its tasks have ended, and what one of them could not do is the
 * group's result. ug_main starts the runtime and makes the result of the program's first task its exit status.
 */
#include <undergo/undergo.h>

static int greet(void *name)
{
	return ug_printf("hello, %s\n", (const char *)name);
}

static int app(int argc, char **argv)
{
	if (argc < 2)
		return greet((void *)"world");
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 1; i < argc; i++)
			ug_group_go(&g, greet, argv[i]);
	}
	return ug_group_result(&g);
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
