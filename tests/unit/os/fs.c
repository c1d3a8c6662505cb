/* SPDX-License-Identifier: MIT */
/* Files by name, whole files, folders and their listings. */
#include "unit/task_test.h"

#include <sys/stat.h>
#include <undergo/os.h>
#include <unistd.h>

static char folder[128];

static const char *at(const char *name)
{
	static char path[2][512];
	static int turn;
	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

static void enter(void)
{
	CHECK_IS(ug_temp_dir("undergo-fs-", folder, sizeof folder), 0);
}

static void leave(void)
{
	CHECK_IS(ug_remove_all(folder), 0);
	CHECK(access(folder, F_OK) < 0);
}

TEST_ANYWHERE(temp_dir)
{
	char small[8] = "keep";
	CHECK_IS(ug_temp_dir("undergo-fs-", small, sizeof small), -ERANGE);
	CHECK_TEXT(small, "keep");
	enter();
	struct ug_file_info i;
	CHECK_IS(ug_stat(folder, &i), 0);
	CHECK_IS(i.type, UG_TYPE_DIR);
	CHECK_IS(i.mode, 0700);
	leave();
	return 0;
}

TEST_ANYWHERE(whole_files)
{
	enter();
	char *text;
	size_t size;
	CHECK_IS(ug_write_file(at("f"), "contents", 8, 0640), 0);
	CHECK_IS(ug_read_file(at("f"), 0, &text, &size), 0);
	CHECK_IS(size, 8);
	CHECK_TEXT(text, "contents");
	free(text);
	CHECK_IS(ug_read_file(at("f"), 8, &text, &size), 0);
	free(text);
	text = NULL;
	CHECK_IS(ug_read_file(at("f"), 7, &text, &size), UG_ETOOLONG);
	CHECK(!text);
	CHECK_IS(ug_write_file(at("f"), "", 0, 0640), 0);
	CHECK_IS(ug_read_file(at("f"), 0, &text, &size), 0);
	CHECK_IS(size, 0);
	CHECK_TEXT(text, "");
	free(text);
	CHECK_IS(ug_read_file("/proc/self/status", 0, &text, &size), 0);
	CHECK(size > 100 && strlen(text) == size);
	free(text);
	CHECK_IS(ug_read_file(at("none"), 0, &text, &size), -ENOENT);
	CHECK_IS(ug_write_file(at("none/none"), "x", 1, 0600), -ENOENT);
	CHECK_IS(ug_write_file("/dev/full", "x", 1, 0600), -ENOSPC);
	leave();
	return 0;
}

TEST_ANYWHERE(names)
{
	enter();
	struct ug_file_info i;
	CHECK_IS(ug_write_file(at("f"), "12", 2, 0600), 0);
	CHECK_IS(ug_symlink("f", at("link")), 0);
	CHECK_IS(ug_symlink("nowhere", at("dangling")), 0);
	CHECK_IS(ug_stat(at("link"), &i), 0);
	CHECK_IS(i.type, UG_TYPE_REGULAR);
	CHECK_IS(ug_lstat(at("link"), &i), 0);
	CHECK_IS(i.type, UG_TYPE_SYMLINK);
	CHECK_IS(ug_stat(at("dangling"), &i), -ENOENT);
	CHECK_IS(ug_lstat(at("dangling"), &i), 0);
	CHECK_IS(ug_rename(at("f"), at("g")), 0);
	CHECK_IS(ug_stat(at("f"), &i), -ENOENT);
	CHECK_IS(ug_stat(at("g"), &i), 0);
	CHECK_IS(i.size, 2);
	CHECK_IS(ug_remove(at("g")), 0);
	CHECK_IS(ug_remove(at("g")), -ENOENT);
	CHECK_IS(ug_remove(at("link")), 0);
	leave();
	return 0;
}

TEST_ANYWHERE(folders)
{
	enter();
	struct ug_file_info i;
	CHECK_IS(ug_mkdir(at("d"), 0755), 0);
	CHECK_IS(ug_mkdir(at("d"), 0755), -EEXIST);
	CHECK_IS(ug_mkdir_all(at("d//e/f/"), 0755), 0);
	CHECK_IS(ug_mkdir_all(at("d/e/f"), 0755), 0);
	CHECK_IS(ug_stat(at("d/e/f"), &i), 0);
	CHECK_IS(ug_mkdir_all("", 0755), -ENOENT);
	CHECK_IS(ug_mkdir_all("/", 0755), 0);
	CHECK_IS(ug_write_file(at("d/e/file"), "", 0, 0600), 0);
	CHECK_IS(ug_mkdir_all(at("d/e/file"), 0755), -ENOTDIR);
	CHECK_IS(ug_mkdir_all(at("d/e/file/g"), 0755), -ENOTDIR);
	CHECK_IS(ug_remove(at("d")), -ENOTEMPTY);
	CHECK_IS(ug_remove(at("d/e/f")), 0);
	CHECK_IS(ug_remove_all(at("none")), 0);
	CHECK_IS(ug_remove_all(at("d/e/file")), 0);
	leave();
	return 0;
}

/* A tree of some depth and breadth goes; what a link in it leads to stays. */
TEST_ANYWHERE(remove_all)
{
	enter();
	char path[256];
	CHECK_IS(ug_mkdir_all(at("keep/sub"), 0755), 0);
	CHECK_IS(ug_write_file(at("keep/sub/file"), "x", 1, 0600), 0);
	CHECK_IS(ug_mkdir_all(at("tree/1/2/3/4/5/6/7/8"), 0755), 0);
	CHECK_IS(ug_symlink("../keep", at("tree/link")), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof path, "tree/1/2/a-name-long-enough-to-fill-the-buffer-%d", i);
		CHECK_IS(ug_write_file(at(path), "x", 1, 0600), 0);
	}
	CHECK_IS(ug_remove_all(at("tree")), 0);
	struct ug_file_info i;
	CHECK_IS(ug_lstat(at("tree"), &i), -ENOENT);
	CHECK_IS(ug_stat(at("keep/sub/file"), &i), 0);
	leave();
	return 0;
}

/* Several who remove one tree get in each other's way, and none of them fails. */
static int remove_tree(void *path)
{
	return ug_remove_all(path);
}

TEST(removed_by_several)
{
	enter();
	char tree[256], name[64];
	snprintf(tree, sizeof tree, "%s", at("tree"));
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 30; i++) {
			snprintf(name, sizeof name, "tree/%d/%d/%d", i % 3, i % 10, i);
			CHECK_IS(ug_mkdir_all(at(name), 0755), 0);
		}
		ug_task *t[4];
		for (int i = 0; i < 4; i++)
			t[i] = start(remove_tree, tree);
		for (int i = 0; i < 4; i++)
			CHECK_IS(finish(t[i]), 0);
		CHECK(access(tree, F_OK) < 0);
	}
	leave();
	return 0;
}

/* A folder that is gone has no entries: POSIX readdir. */
TEST_ANYWHERE(folder_that_goes)
{
	enter();
	ug_dir *d;
	ug_file *f;
	struct ug_dir_entry e;
	struct ug_dir_listing l = UG_ZERO;
	CHECK_IS(ug_mkdir(at("d"), 0755), 0);
	CHECK_IS(ug_dir_open(at("d"), &d), 0);
	CHECK_IS(ug_file_open(at("d"), O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_remove(at("d")), 0);
	CHECK_IS(ug_dir_read(d, &e), 0);
	CHECK_IS(ug_dir_list(f, 0, &l), 0);
	CHECK_IS(l.count, 0);
	ug_dir_listing_done(&l);
	ug_file_close(f);
	ug_dir_close(d);
	leave();
	return 0;
}

/* One open folder, listed by several at once: each sees all of it. */
static int list_whole(void *dir)
{
	for (int i = 0; i < 20; i++) {
		UG_CLEAN(ug_dir_listing_done) struct ug_dir_listing l = UG_ZERO;
		UG_TRY(ug_dir_list(dir, 0, &l));
		if (l.count != 2000)
			return (int)l.count;
	}
	return 0;
}

TEST(listed_by_several)
{
	enter();
	char name[64];
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "entry-number-%d", i);
		CHECK_IS(ug_write_file(at(name), "", 0, 0600), 0);
	}
	ug_file *f;
	CHECK_IS(ug_file_open(folder, O_RDONLY | O_DIRECTORY, 0, &f), 0);
	ug_task *t[4];
	for (int i = 0; i < 4; i++)
		t[i] = start(list_whole, f);
	for (int i = 0; i < 4; i++)
		CHECK_IS(finish(t[i]), 0);
	ug_file_close(f);
	leave();
	return 0;
}

/* Names are bytes: all but '/' and NUL, up to 255 of them. */
TEST_ANYWHERE(odd_names)
{
	enter();
	static const char *const odd[] = {
		" ", "\n", "-rf", "*", "\x01\x7f\xff\xfe", "\xc3\x28", "...", "~", "a\\b", "'\""};
	char longest[257];
	memset(longest, 'n', 256);
	longest[256] = '\0';
	CHECK_IS(ug_write_file(at(longest), "x", 1, 0600), -ENAMETOOLONG);
	longest[255] = '\0';
	CHECK_IS(ug_write_file(at(longest), "x", 1, 0600), 0);
	for (size_t i = 0; i < UG_COUNT_OF(odd); i++)
		CHECK_IS(ug_write_file(at(odd[i]), "x", 1, 0600), 0);
	ug_file *f;
	CHECK_IS(ug_file_open(folder, O_RDONLY, 0, &f), 0);
	struct ug_dir_listing l;
	CHECK_IS(ug_dir_list(f, 0, &l), 0);
	CHECK_IS(l.count, UG_COUNT_OF(odd) + 1);
	for (size_t i = 0; i < UG_COUNT_OF(odd); i++) {
		size_t k = 0;
		while (k < l.count && strcmp(l.items[k].name, odd[i]) != 0)
			k++;
		CHECK(k < l.count);
	}
	ug_dir_listing_done(&l);
	ug_file_close(f);
	leave();
	return 0;
}

TEST_ANYWHERE(entries)
{
	enter();
	enum { N = 2000 }; /* more than one buffer of them */
	char name[64], seen[N] = "";
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof name, "entry-number-%d", i);
		CHECK_IS(ug_write_file(at(name), "", 0, 0600), 0);
	}
	ug_dir *d;
	struct ug_dir_entry e;
	int r;
	CHECK_IS(ug_dir_open(folder, &d), 0);
	while ((r = ug_dir_read(d, &e)) == 1) {
		int i = -1;
		CHECK_IS(sscanf(e.name, "entry-number-%d", &i), 1);
		CHECK(i >= 0 && i < N && !seen[i]++);
		CHECK(e.type == UG_TYPE_REGULAR || e.type == UG_TYPE_UNKNOWN);
		CHECK_IS(e.name_size, strlen(e.name));
		CHECK(e.ino != 0);
	}
	CHECK_IS(r, 0);
	CHECK_IS(ug_dir_read(d, &e), 0);
	ug_dir_clean(&d);
	CHECK(!d);
	CHECK(!memchr(seen, 0, N));
	CHECK_IS(ug_dir_open(at("entry-number-0"), &d), -ENOTDIR);
	CHECK_IS(ug_dir_open(at("none"), &d), -ENOENT);
	CHECK_IS(ug_dir_close(NULL), 0);
	leave();
	return 0;
}

/* It starts where the folder's position is, and keeps the folder open by itself. */
TEST_ANYWHERE(entries_of_an_open_folder)
{
	enter();
	CHECK_IS(ug_write_file(at("only"), "", 0, 0600), 0);
	ug_file *f;
	ug_dir *first, *second;
	struct ug_dir_entry e;
	CHECK_IS(ug_file_open(folder, O_RDONLY | O_DIRECTORY, 0, &f), 0);
	CHECK_IS(ug_dir_open_file(f, &first), 0);
	CHECK_IS(ug_dir_read(first, &e), 1);
	CHECK_TEXT(e.name, "only");
	CHECK_IS(ug_dir_read(first, &e), 0);
	CHECK_IS(ug_dir_open_file(f, &second), 0);
	CHECK_IS(ug_dir_read(second, &e), 0);
	CHECK_IS(ug_dir_close(second), 0);
	CHECK_IS(ug_file_seek(f, 0, SEEK_SET), 0);
	CHECK_IS(ug_file_close(f), 0);
	CHECK_IS(ug_dir_read(first, &e), 1);
	CHECK_IS(ug_dir_close(first), 0);
	leave();
	return 0;
}

TEST_ANYWHERE(listing)
{
	enter();
	CHECK_IS(ug_mkdir(at("dir"), 0755), 0);
	CHECK_IS(ug_write_file(at("b"), "12345", 5, 0644), 0);
	CHECK_IS(ug_write_file(at("B"), "1", 1, 0644), 0);
	CHECK_IS(ug_write_file(at(".hidden"), "", 0, 0644), 0);
	CHECK_IS(ug_symlink("b", at("to-b")), 0);
	CHECK_IS(ug_symlink("nowhere", at("to-nothing")), 0);
	CHECK_IS(mkfifo(at("fifo"), 0600), 0);
	static const struct {
		const char *name;
		int type, is_link;
		int64_t size;
	} want[] = {
		{".hidden", UG_TYPE_REGULAR, 0, 0},
		{"B", UG_TYPE_REGULAR, 0, 1},
		{"b", UG_TYPE_REGULAR, 0, 5},
		{"dir", UG_TYPE_DIR, 0, -1},
		{"fifo", UG_TYPE_FIFO, 0, 0},
		{"to-b", UG_TYPE_REGULAR, 1, 5},
		{"to-nothing", UG_TYPE_SYMLINK, 1, 7},
	};
	ug_file *f;
	CHECK_IS(ug_file_open(folder, O_RDONLY | O_DIRECTORY, 0, &f), 0);
	for (int round = 0; round < 2; round++) { /* a second one starts again */
		UG_CLEAN(ug_dir_listing_done) struct ug_dir_listing l = UG_ZERO;
		CHECK_IS(ug_dir_list(f, 7, &l), 0);
		CHECK_IS(l.count, UG_COUNT_OF(want));
		for (size_t i = 0; i < l.count; i++) {
			CHECK_TEXT(l.items[i].name, want[i].name);
			CHECK_IS(l.items[i].name_size, strlen(want[i].name));
			CHECK_IS(l.items[i].error, 0);
			CHECK_IS(l.items[i].info.type, want[i].type);
			CHECK_IS(l.items[i].is_link, want[i].is_link);
			CHECK(want[i].size < 0 || l.items[i].info.size == want[i].size);
		}
	}
	struct ug_dir_listing l = UG_ZERO;
	CHECK_IS(ug_dir_list(f, 6, &l), -EFBIG);
	CHECK(!l.items);
	ug_dir_listing_done(&l);
	ug_dir_listing_done(NULL);
	ug_file_close(f);
	CHECK_IS(ug_file_open(at("dir"), O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_dir_list(f, 0, &l), 0);
	CHECK_IS(l.count, 0);
	ug_dir_listing_done(&l);
	ug_file_close(f);
	CHECK_IS(ug_file_open(at("b"), O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_dir_list(f, 0, &l), -ENOTDIR);
	ug_file_close(f);
	leave();
	return 0;
}

int main(void)
{
	umask(022);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_temp_dir),
		cmocka_unit_test(test_whole_files),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_remove_all),
		cmocka_unit_test(test_removed_by_several),
		cmocka_unit_test(test_folder_that_goes),
		cmocka_unit_test(test_listed_by_several),
		cmocka_unit_test(test_odd_names),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_entries_of_an_open_folder),
		cmocka_unit_test(test_listing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
