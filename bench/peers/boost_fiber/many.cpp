// SPDX-License-Identifier: MIT
// A million fibers that wait. Stacks come from malloc: Boost's pool would write to a page more of each.
#include "fiberbench.hpp"

#include <atomic>
#include <fstream>
#include <mutex>

static fibers::fixedsize_stack many_stacks(16 * 1024);

// Starts n fibers that wait for ever and returns once all of them run up to it.
static void park(std::size_t n)
{
	static std::atomic<std::size_t> started;
	static fibers::mutex m;
	static fibers::condition_variable never, all;
	for (std::size_t i = 0; i < n; i++)
		fibers::fiber(fibers::launch::post, std::allocator_arg, many_stacks, [n] {
			std::unique_lock<fibers::mutex> hold(m);
			if (++started == n)
				all.notify_one();
			never.wait(hold);
		}).detach();
	std::unique_lock<fibers::mutex> hold(m);
	all.wait(hold, [n] { return started == n; });
}

// What the process holds, page tables included, in bytes.
static double memory()
{
	double kb = 0;
	std::ifstream status("/proc/self/status");
	for (std::string line; std::getline(status, line);)
		if (line.rfind("VmRSS:", 0) == 0 || line.rfind("VmPTE:", 0) == 0)
			kb += std::atof(line.c_str() + 6);
	return kb * 1024;
}

void parked_memory()
{
	std::size_t n = size(1'000'000);
	double before = memory();
	park(n);
	report((memory() - before) / n, "B/task");
	std::_Exit(0); // the fibers end with the process, where they stand
}

void parked_start()
{
	std::size_t n = size(1'000'000);
	auto start = clock_type::now();
	park(n);
	report_per(start, n, "ns/task");
	std::_Exit(0);
}

void sleep_1m()
{
	std::size_t n = size(1'000'000);
	std::vector<fibers::fiber> tasks;
	tasks.reserve(n);
	auto start = clock_type::now();
	for (std::size_t i = 0; i < n; i++)
		tasks.emplace_back(fibers::launch::post, std::allocator_arg, many_stacks,
			[] { boost::this_fiber::sleep_for(std::chrono::seconds(1)); });
	for (auto &t : tasks)
		t.join();
	report(std::chrono::duration<double>(clock_type::now() - start).count(), "s");
	std::_Exit(0);
}

// Nothing to do, until bench/run, which counts from outside, ends it.
void idle()
{
	park(100);
	std::printf("ready\n");
	std::fflush(stdout);
	boost::this_fiber::sleep_for(std::chrono::hours(1));
}
