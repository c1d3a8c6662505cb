/*
 * A pipeline that counts the words of a file of any size in 1 MiB of memory: 09-pipeline FILE
 *
 *	a reader -- full --> counters, one a processor -- totals --> the sum
 *	    ^------- empty ------'
 *
 * Sixteen blocks go round. When the counters are slower, the reader waits for an empty one; nothing piles up.
 */
#include <undergo/undergo.h>

struct block {
	int in_word; /* what came before it ended inside a word */
	ssize_t size;
	char text[64 * 1024];
};

typedef UG_CHAN(struct block *) block_chan;
typedef UG_CHAN(long) long_chan;

struct pipeline {
	const char *path;
	block_chan empty, full;
	long_chan totals;
};

static struct block blocks[16];

static int is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int read_file(void *arg)
{
	struct pipeline *p = (struct pipeline *)arg;
	UG_CLEAN(ug_file_clean) ug_file *f = NULL;
	UG_TRY(ug_file_open(p->path, O_RDONLY, 0, &f));
	struct block *b;
	for (int in_word = 0;; in_word = !is_space(b->text[b->size - 1])) {
		UG_TRY(ug_recv(p->empty, &b));
		b->in_word = in_word;
		b->size = ug_file_read(f, b->text, sizeof b->text);
		UG_TRY(b->size); /* an error ends the whole group */
		if (b->size == 0)
			return ug_close(p->full);
		UG_TRY(ug_send(p->full, &b));
	}
}

static int count_words(void *arg)
{
	struct pipeline *p = (struct pipeline *)arg;
	long words = 0;
	for (struct block *b; ug_recv(p->full, &b) == 0;) {
		int in_word = b->in_word;
		for (ssize_t i = 0; i < b->size; i++) {
			int starts = !in_word;
			in_word = !is_space(b->text[i]);
			words += starts && in_word;
		}
		UG_TRY(ug_send(p->empty, &b));
	}
	return ug_send(p->totals, &words);
}

static int count_file(const char *path)
{
	UG_CLEAN(ug_chan_unref) block_chan empty = UG_NIL;
	UG_CLEAN(ug_chan_unref) block_chan full = UG_NIL;
	UG_CLEAN(ug_chan_unref) long_chan totals = UG_NIL;
	UG_TRY(ug_chan_new(&empty, UG_COUNT_OF(blocks)));
	UG_TRY(ug_chan_new(&full, UG_COUNT_OF(blocks)));
	UG_TRY(ug_chan_new(&totals, (size_t)ug_procs()));
	for (size_t i = 0; i < UG_COUNT_OF(blocks); i++) {
		struct block *b = &blocks[i];
		UG_TRY(ug_send(empty, &b));
	}

	struct pipeline p = {path, empty, full, totals};
	ug_group g;
	UG_GROUP(&g) {
		ug_group_go(&g, read_file, &p);
		for (int i = 0; i < ug_procs(); i++)
			ug_group_go(&g, count_words, &p);
	}
	UG_TRY(ug_group_result(&g));

	long words = 0;
	for (long n; ug_try_recv(totals, &n) == 0;)
		words += n;
	return ug_printf("%ld words in %s\n", words, path);
}

static int app(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : argv[0];
	int e = count_file(path);
	if (e < 0)
		ug_fprintf(ug_stderr(), "%s: %s\n", path, ug_strerror(e));
	return e;
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
