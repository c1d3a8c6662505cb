// SPDX-License-Identifier: MIT
/*
 * fiberbench ROW [--quick | --part=N]: runtime rows of the benchmark table as users of Boost.Fiber write them.
 *
 * One thread runs fibers with the default scheduler; with more processors (UG_PROCS) as many threads share them, by
 * work_stealing or shared_work, whichever gives the row the better figure. It has no select, no timer that can be stopped and
 * no readers-writer lock, and nothing that interrupts a fiber that is stuck. Stacks of rows with many fibers have 16 KiB: from
 * Boost's pool with one thread, and from malloc with more, because a fiber may end on another thread than it began, and the
 * pool has no lock. malloc is told to keep what it gets: it would give stacks back to the kernel and fetch them again.
 */
#include "fiberbench.hpp"

#include <cstring>
#include <functional>
#include <malloc.h>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

static void yield()
{
	std::size_t n = size(5'000'000);
	std::vector<fibers::fiber> tasks;
	auto start = clock_type::now();
	for (int t = 0; t < 2; t++)
		tasks.emplace_back([n] {
			for (std::size_t i = 0; i < n; i++)
				boost::this_fiber::yield();
		});
	for (auto &t : tasks)
		t.join();
	report_per(start, 2.0 * n, "ns/switch");
}

static void pingpong()
{
	std::size_t n = size(2'000'000);
	fibers::unbuffered_channel<std::size_t> ping, pong;
	fibers::fiber answer([&] {
		for (std::size_t v; ping.pop(v) == fibers::channel_op_status::success;)
			pong.push(v);
	});
	auto start = clock_type::now();
	for (std::size_t i = 0; i < n; i++) {
		ping.push(i);
		pong.value_pop();
	}
	report_per(start, n, "ns/round-trip");
	ping.close();
	answer.join();
}

static void buffered()
{
	std::size_t n = size(10'000'000), sum = 0;
	fibers::buffered_channel<std::size_t> items(128);
	auto start = clock_type::now();
	fibers::fiber producer([&] {
		for (std::size_t i = 0; i < n; i++)
			items.push(i);
		items.close();
	});
	for (std::size_t v; items.pop(v) == fibers::channel_op_status::success;)
		sum += v;
	report_per(start, n, "ns/item");
	producer.join();
	check(sum == n * (n - 1) / 2, "items lost");
}

static void mpmc()
{
	std::size_t n = size(1'000'000);
	std::atomic<std::size_t> got{0};
	fibers::buffered_channel<std::size_t> items(128);
	std::vector<fibers::fiber> senders, receivers;
	auto start = clock_type::now();
	for (int t = 0; t < 8; t++) {
		senders.emplace_back([&] {
			for (std::size_t i = 0; i < n; i++)
				items.push(i);
		});
		receivers.emplace_back([&] {
			std::size_t k = 0;
			for (std::size_t v; items.pop(v) == fibers::channel_op_status::success;)
				k++;
			got += k;
		});
	}
	for (auto &t : senders)
		t.join();
	items.close();
	for (auto &t : receivers)
		t.join();
	report_per(start, 8.0 * n, "ns/item");
	check(got == 8 * n, "items lost");
}

static void spawn_join()
{
	// In lots: the pool gives nothing back, and a million stacks would be another row.
	std::size_t n = size(3'000'000), lot = 1000;
	std::vector<fibers::fiber> tasks(lot);
	fibers::fixedsize_stack stacks(16 * 1024); // with one thread, too: the pool's costs three times as much here
	auto start = clock_type::now();
	for (std::size_t i = 0; i < n; i += lot) {
		for (auto &t : tasks)
			t = fibers::fiber(fibers::launch::post, std::allocator_arg, stacks, [] {});
		for (auto &t : tasks)
			t.join();
	}
	report_per(start, n, "ns/task");
}

static void spawn_wait_one()
{
	std::size_t n = size(2'000'000);
	with_stacks([&](auto stacks) {
		auto start = clock_type::now();
		for (std::size_t i = 0; i < n; i++)
			fibers::fiber(std::allocator_arg, stacks, [] {}).join();
		report_per(start, n, "ns/task");
	});
}

// As Boost's own example does it: a child runs as soon as it is started.
template <typename Stacks>
static void skynet(fibers::buffered_channel<std::size_t> &up, std::size_t num, std::size_t leaves, Stacks &stacks)
{
	if (leaves == 1) {
		up.push(num);
		return;
	}
	fibers::buffered_channel<std::size_t> below(16);
	for (std::size_t i = 0; i < 10; i++)
		fibers::fiber(fibers::launch::dispatch, std::allocator_arg, stacks, [&below, &stacks, num, leaves, i] {
			skynet(below, num + i * leaves / 10, leaves / 10, stacks);
		}).detach();
	std::size_t sum = 0;
	for (int i = 0; i < 10; i++)
		sum += below.value_pop();
	up.push(sum);
}

static void skynet_1m()
{
	std::size_t n = size(1'000'000), sum = 0;
	with_stacks([&](auto stacks) {
		fibers::buffered_channel<std::size_t> top(16);
		auto start = clock_type::now();
		skynet(top, 0, n, stacks);
		sum = top.value_pop();
		report_per(start, 1e6, "ms");
	});
	check(sum == n * (n - 1) / 2, "wrong sum");
}

using size_channel = fibers::unbuffered_channel<std::size_t>;

static void ring()
{
	constexpr std::size_t tasks = 10'000;
	std::size_t laps = size(5'000'000) / tasks;
	std::vector<std::unique_ptr<size_channel>> links;
	std::vector<fibers::fiber> fibers_;
	for (std::size_t i = 0; i < tasks; i++)
		links.push_back(std::make_unique<size_channel>());
	with_stacks([&](auto stacks) {
		for (std::size_t i = 0; i < tasks - 1; i++)
			fibers_.emplace_back(std::allocator_arg, stacks, [&in = *links[i], &out = *links[i + 1]] {
				for (std::size_t v; in.pop(v) == fibers::channel_op_status::success;)
					out.push(v);
				out.close();
			});
	});
	links.front()->push(0); // one lap first: all have started
	links.back()->value_pop();
	auto start = clock_type::now();
	for (std::size_t i = 0; i < laps; i++) {
		links.front()->push(i);
		links.back()->value_pop();
	}
	report_per(start, double(laps) * tasks, "ns/hop");
	links.front()->close();
	for (auto &t : fibers_)
		t.join();
}

static void sieve()
{
	std::size_t n = quick ? 100 : 2000, want = quick ? 541 : 17389, prime = 0;
	std::vector<std::unique_ptr<size_channel>> links;
	std::vector<fibers::fiber> filters;
	auto start = clock_type::now();
	with_stacks([&](auto stacks) {
		links.push_back(std::make_unique<size_channel>());
		filters.emplace_back(std::allocator_arg, stacks, [&out = *links[0]] {
			for (std::size_t v = 2; out.push(v) == fibers::channel_op_status::success; v++)
				;
		});
		for (std::size_t i = 0; i < n; i++) {
			auto &in = *links.back();
			prime = in.value_pop();
			links.push_back(std::make_unique<size_channel>());
			filters.emplace_back(std::allocator_arg, stacks, [&in, &out = *links.back(), prime] {
				for (std::size_t v; in.pop(v) == fibers::channel_op_status::success;)
					if (v % prime != 0 && out.push(v) != fibers::channel_op_status::success)
						break;
				in.close();
				out.close();
			});
		}
	});
	report(std::chrono::duration<double>(clock_type::now() - start).count(), "s");
	check(prime == want, "wrong prime");
	std::_Exit(0); // the filters end with the process, where they stand
}

static void mutex_8()
{
	std::size_t n = size(2'500'000), count = 0;
	fibers::mutex mutex;
	std::vector<fibers::fiber> tasks;
	auto start = clock_type::now();
	for (int t = 0; t < 8; t++)
		tasks.emplace_back([&] {
			for (std::size_t i = 0; i < n; i++) {
				std::lock_guard<fibers::mutex> hold(mutex);
				count++;
			}
		});
	for (auto &t : tasks)
		t.join();
	report_per(start, 8.0 * n, "ns/lock");
	check(count == 8 * n, "counts lost");
}

static void share()
{
	static const std::set<std::string> one_queue = {"yield", "chan-pingpong", "spawn-wait-one", "skynet-1M"};
	if (one_queue.count(row) > 0)
		fibers::use_scheduling_algorithm<fibers::algo::shared_work>(true);
	else
		fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(procs, true);
}

// Runs the row in a fiber of this thread, while the others take from it.
static void run(const std::function<void()> &body)
{
	if (procs == 1)
		return body();
	std::vector<std::thread> threads;
	std::mutex m;
	fibers::condition_variable_any end;
	bool over = false;
	auto wait = [&] {
		share();
		std::unique_lock<std::mutex> hold(m);
		end.wait(hold, [&] { return over; });
	};
	for (int t = 1; t < procs; t++)
		threads.emplace_back(wait);
	share();
	body();
	std::_Exit(0); // the threads end with the process, where they stand
}

int main(int argc, char **argv)
{
	const std::map<std::string, std::function<void()>> rows = {{"yield", yield}, {"chan-pingpong", pingpong},
		{"chan-buffered-1p1c", buffered}, {"chan-mpmc-8x8", mpmc}, {"spawn-join", spawn_join},
		{"spawn-wait-one", spawn_wait_one}, {"skynet-1M", skynet_1m}, {"ring-10k", ring}, {"sieve-2000", sieve},
		{"mutex-8", mutex_8}, {"parked-1M-memory", parked_memory}, {"parked-1M-start", parked_start},
		{"sleep-1M", sleep_1m}, {"idle-wakeups", idle}};
	for (int i = 1; i < argc; i++) {
		if (std::strcmp(argv[i], "rows") == 0) {
			for (auto &r : rows)
				std::printf("%s\n", r.first.c_str());
			return 0;
		}
		if (std::strcmp(argv[i], "--quick") == 0)
			quick = true, part = 100;
		else if (std::strncmp(argv[i], "--part=", 7) == 0)
			part = std::strtoul(argv[i] + 7, nullptr, 10);
		else
			row = argv[i];
	}
	if (const char *p = std::getenv("UG_PROCS"))
		procs = std::atoi(p);
	auto found = rows.find(row);
	if (found == rows.end() || procs < 1 || part < 1) {
		std::fprintf(stderr, "fiberbench: no row %s\n", row.c_str());
		return 2;
	}
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	run(found->second);
	return 0;
}
