/* SPDX-License-Identifier: MIT */
/*
 * C++ exceptions in tasks: thrown and caught there, kept over waits that end on other threads, and never lost. What a task that
 * waits has in flight is its own; the threads, and the C++ runtime's counts in them, are everybody's.
 */
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sys/resource.h>
#include <sys/wait.h>
#include <undergo/undergo.h>
#include <unistd.h>

static const char *current = "";

#define CHECK(cond)                                                                                                    \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			std::fprintf(stderr, "%s: %s:%d: %s\n", current, __FILE__, __LINE__, #cond);                   \
			std::_Exit(1);                                                                                 \
		}                                                                                                      \
	} while (0)

struct trouble {
	int number;
};

/* Lets others run, here and on other threads. */
static void wait_a_little(int i)
{
	if (i % 3 == 0)
		CHECK(ug_sleep((i % 7) * 50 * UG_US) == 0);
	else
		ug_yield();
}

static int depth(int i, int levels)
{
	if (levels == 0)
		throw trouble{i};
	int r = depth(i, levels - 1);
	wait_a_little(i);
	return r + 1;
}

/* Waits while an exception passes through: of this task one is in flight, whatever others do meanwhile. */
struct waits_at_the_end {
	int i;
	~waits_at_the_end()
	{
		for (int n = 0; n < 3; n++) {
			CHECK(std::uncaught_exceptions() == 1);
			wait_a_little(i + n);
		}
		CHECK(std::uncaught_exceptions() == 1);
	}
};

static void pass_on(int i)
{
	waits_at_the_end at_the_end{i};
	depth(i, 5);
}

static void rethrow(int i)
{
	try {
		pass_on(i);
	} catch (const trouble &t) {
		for (int n = 0; n < 5; n++) {
			wait_a_little(i + n);
			CHECK(t.number == i && std::uncaught_exceptions() == 0);
			CHECK(std::current_exception() != nullptr);
		}
		try { /* one more, while the first is kept */
			throw trouble{-i};
		} catch (const trouble &inner) {
			wait_a_little(i);
			CHECK(inner.number == -i);
		}
		wait_a_little(i + 1);
		throw;
	}
}

static int thrower(void *arg)
{
	int i = *static_cast<int *>(arg), caught = 0;
	CHECK(std::current_exception() == nullptr && std::uncaught_exceptions() == 0);
	for (int n = 0; n < 5; n++) {
		try {
			rethrow(i);
		} catch (const trouble &t) {
			wait_a_little(i);
			CHECK(t.number == i);
			caught++;
		}
		CHECK(std::current_exception() == nullptr && std::uncaught_exceptions() == 0);
		wait_a_little(i);
	}
	CHECK(caught == 5);
	return 0;
}

static int many_throw(void *)
{
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 1; i <= 100; i++)
			CHECK(ug_group_go_copy(&g, thrower, &i, sizeof i) == 0);
	}
	return ug_group_result(&g);
}

/* An exception that leaves a group's block ends the group first. */
static int sleeper(void *arg)
{
	int e = ug_sleep(UG_HOUR);
	*static_cast<int *>(arg) = e;
	return e;
}

static int leaves_a_group(void *)
{
	int slept[4] = {0}, caught = 0;
	try {
		ug_group g;
		UG_GROUP(&g) {
			for (int &s : slept)
				CHECK(ug_group_go(&g, sleeper, &s) == 0);
			ug_yield();
			throw trouble{7};
		}
	} catch (const trouble &t) {
		caught = t.number;
	}
	CHECK(caught == 7);
	for (int s : slept)
		CHECK(s == -ECANCELED ||
			s == 0); /* 0: cancelled before it began to sleep is told by its own wait too */
	CHECK(ug_ctx_err(nullptr) == 0);
	return 0;
}

static int throws_and_catches(void *)
{
	try {
		throw trouble{3};
	} catch (const trouble &t) {
		return t.number;
	}
}

static int in_a_blocking_call(void *)
{
	try {
		throw trouble{1};
	} catch (...) {
		CHECK(ug_blocking(throws_and_catches, nullptr) == 3);
		CHECK(std::current_exception() != nullptr);
	}
	CHECK(ug_pin() == 0);
	int one = 1;
	thrower(&one);
	ug_unpin();
	return thrower(&one);
}

/* One that nobody catches ends the program as C++ says, from the place where it was thrown. */
static const char *innermost;

static int escape(void *)
{
	ug_yield();
	struct clears {
		~clears()
		{
			innermost = "unwound";
		}
	} c;
	innermost = "thrown";
	throw trouble{1};
}

static void on_terminate()
{
	/* Nobody would catch it, so nothing is unwound, and what is in flight can be asked. */
	std::_Exit(std::current_exception() && innermost[0] == 't' ? 42 : 43);
}

static void nobody_catches()
{
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		std::set_terminate(on_terminate);
		ug_run(escape, nullptr, nullptr);
		std::_Exit(44);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 42)
		std::fprintf(stderr, "status %x\n", (unsigned)status);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

int main()
{
	static const struct {
		const char *name;
		int (*fn)(void *);
	} cases[] = {{"many_throw", many_throw}, {"leaves_a_group", leaves_a_group},
		{"in_a_blocking_call", in_a_blocking_call}};
	std::printf("1..4\n");
	current = "nobody_catches";
	nobody_catches();
	std::printf("ok 1 - nobody_catches\n");
	int n = 2;
	for (const auto &c : cases) {
		current = c.name;
		CHECK(ug_run(c.fn, nullptr, nullptr) == 0);
		std::printf("ok %d - %s\n", n++, c.name);
	}
	return 0;
}
