// SPDX-License-Identifier: MIT
// What the rows on Boost.Fiber share.
#ifndef FIBERBENCH_HPP
#define FIBERBENCH_HPP

#include <boost/fiber/all.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace fibers = boost::fibers;
using clock_type = std::chrono::steady_clock;

inline std::string row;
inline int procs = 1;
inline bool quick;
inline std::size_t part = 1;

// The number of units: all that a row asks for, with --part=N an Nth of them; --quick shows that it works.
inline std::size_t size(std::size_t n)
{
	return (n + part - 1) / part;
}

inline void report(double value, const char *unit)
{
	std::printf("boost-fiber\t%s\t%d\t%.4f\t%s\n", row.c_str(), procs, value, unit);
	std::fflush(stdout);
}

inline void report_per(clock_type::time_point start, double n, const char *unit)
{
	report(std::chrono::duration<double, std::nano>(clock_type::now() - start).count() / n, unit);
}

inline void check(bool good, const char *what)
{
	if (good)
		return;
	std::fprintf(stderr, "%s: %s\n", row.c_str(), what);
	std::_Exit(1);
}

// Calls body with what stacks come from.
template <typename F> void with_stacks(F body)
{
	constexpr std::size_t bytes = 16 * 1024;
	if (procs == 1)
		body(fibers::pooled_fixedsize_stack(bytes));
	else
		body(fibers::fixedsize_stack(bytes));
}

// Rows where a million fibers wait: many.cpp.
void parked_memory();
void parked_start();
void sleep_1m();
void idle();

#endif
