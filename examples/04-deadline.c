/*
 * A deadline over nested work, with a cleanup that may take its time.
 *
 * Only the outermost caller speaks of time. When the deadline passes, the call that waits, however deep, answers
 * -ETIMEDOUT; everything unwinds by returning, so cleanups run. What a cleanup itself waits for would fail at once too:
 * a shield gives it a context that the deadline does not reach.
 */
#include <undergo/undergo.h>

struct transfer {
	const char *undo; /* what has to be taken back; NULL: nothing */
};

static void roll_back(struct transfer *t)
{
	if (t->undo)
		UG_SHIELD {
			int e = ug_sleep(10 * UG_MS); /* tells the bank */
			ug_printf("taken back: %s (%s)\n", t->undo, e < 0 ? ug_errname(e) : "done");
		}
}

static int ask_bank(const char *what, int64_t takes)
{
	UG_TRY(ug_sleep(takes));
	return ug_printf("done: %s\n", what);
}

static int pay(void)
{
	UG_CLEAN(roll_back) struct transfer t = UG_ZERO;
	UG_TRY(ask_bank("withdraw 10", 1 * UG_MS));
	t.undo = "withdraw 10";
	UG_TRY(ask_bank("deposit 10", 1 * UG_HOUR));
	t.undo = NULL;
	return 0;
}

static int app(int argc, char **argv)
{
	(void)argc, (void)argv;
	int e = 0;
	UG_WITH_TIMEOUT(300 * UG_MS)
		e = pay();
	ug_printf("pay: %s\n", ug_strerror(e));
	return 0;
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
