/* Feeds every file of a folder to a fuzz harness, once. An empty or missing folder is fed one empty input. */

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t input[1 << 20];

static int feed(const char *folder, const char *name)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
		return -1;
	FILE *f = fopen(path, "rb");
	if (!f)
		return -1;
	size_t n = fread(input, 1, sizeof input, f);
	fclose(f);
	/* A block of the exact size, so that the address sanitizer sees a read past the end. */
	uint8_t *exact = malloc(n ? n : 1);
	if (!exact)
		return -1;
	memcpy(exact, input, n);
	fprintf(stderr, "%s\n", name); /* the last one named is the one that broke it */
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	int fed = 0;
	DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		if (feed(argv[1], e->d_name) < 0) {
			fprintf(stderr, "cannot read %s/%s\n", argv[1], e->d_name);
			return 1;
		}
		fed++;
	}
	if (dir)
		closedir(dir);
	if (!fed)
		LLVMFuzzerTestOneInput(input, 0);
	printf("%d inputs\n", fed);
	return 0;
}
