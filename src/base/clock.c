/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include "base/atomic.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <undergo/base.h>

static const int64_t *virtual_time;

void ug__clock_virtual(const int64_t *time)
{
	store_release(&virtual_time, time);
}

int64_t ug_now(void)
{
	const int64_t *v = load_acquire(&virtual_time);
	return unlikely(v) ? load_relaxed(v) : ug__clock_real();
}

int64_t ug__clock_real(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UG_SECOND + ts.tv_nsec;
}

int64_t ug_time_add(int64_t t, int64_t d)
{
	int64_t sum;
	if (__builtin_add_overflow(t, d, &sum))
		return d > 0 ? UG_FOREVER : 0;
	return sum < 0 ? 0 : sum;
}

static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {{"ns", 1}, {"us", UG_US}, {"µs", UG_US}, {"μs", UG_US}, {"ms", UG_MS}, {"s", UG_SECOND}, {"m", UG_MINUTE},
	{"h", UG_HOUR}};

/* The unit that the text begins with, as long as can be; NULL: none. */
static const struct unit *unit_at(const char *text)
{
	const struct unit *best = NULL;
	for (size_t i = 0; i < UG_COUNT_OF(units); i++) {
		size_t n = strlen(units[i].name);
		if (strncmp(text, units[i].name, n) == 0 && (!best || n > strlen(best->name)))
			best = &units[i];
	}
	return best;
}

/* The largest magnitude: INT64_MIN's. */
#define LIMIT (UINT64_C(1) << 63)

/* One number with its unit, "1.5h", added to *sum. What is less than a nanosecond goes, as in Go. */
static int parse_part(const char **text, uint64_t *sum)
{
	const char *p = *text;
	uint64_t whole = 0, fraction = 0;
	double scale = 1;
	int digits = 0;
	for (; *p >= '0' && *p <= '9'; p++, digits++)
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
			__builtin_add_overflow(whole, (unsigned)(*p - '0'), &whole))
			return -ERANGE;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, digits++)
			if (fraction < LIMIT / 10) { /* further digits are below what counts */
				fraction = fraction * 10 + (unsigned)(*p - '0');
				scale *= 10;
			}
	const struct unit *unit = unit_at(p);
	if (!digits || !unit)
		return -EINVAL;
	uint64_t part = (uint64_t)((double)fraction * ((double)unit->ns / scale));
	if (__builtin_mul_overflow(whole, (uint64_t)unit->ns, &whole) || __builtin_add_overflow(*sum, whole, sum) ||
		__builtin_add_overflow(*sum, part, sum) || *sum > LIMIT)
		return -ERANGE;
	*text = p + strlen(unit->name);
	return 0;
}

int ug_duration_parse(const char *text, int64_t *out)
{
	int negative = *text == '-';
	if (*text == '-' || *text == '+')
		text++;
	if (strcmp(text, "0") == 0) {
		*out = 0;
		return 0;
	}
	if (!*text)
		return -EINVAL;
	uint64_t sum = 0;
	while (*text)
		UG_TRY(parse_part(&text, &sum));
	if (sum == LIMIT && !negative)
		return -ERANGE;
	*out = (int64_t)(negative ? -sum : sum);
	return 0;
}

/* v/unit with its fraction and no spare zeros: 1.5 */
static size_t put_fraction(char *to, size_t size, uint64_t v, uint64_t unit, const char *name)
{
	char digits[16] = "";
	if (v % unit) {
		uint64_t rest = v % unit;
		size_t n = 0;
		digits[n++] = '.';
		for (uint64_t place = unit / 10; rest && place; rest %= place, place /= 10)
			digits[n++] = (char)('0' + rest / place);
		digits[n] = 0;
	}
	return (size_t)snprintf(to, size, "%llu%s%s", (unsigned long long)(v / unit), digits, name);
}

int ug_duration_format(int64_t d, char *buf, size_t size)
{
	char text[64];
	size_t n = 0;
	uint64_t v = d < 0 ? -(uint64_t)d : (uint64_t)d;
	if (d < 0)
		text[n++] = '-';
	if (v == 0)
		n += (size_t)snprintf(text + n, sizeof text - n, "0s");
	else if (v < UG_US)
		n += put_fraction(text + n, sizeof text - n, v, 1, "ns");
	else if (v < UG_MS)
		n += put_fraction(text + n, sizeof text - n, v, UG_US, "us");
	else if (v < UG_SECOND)
		n += put_fraction(text + n, sizeof text - n, v, UG_MS, "ms");
	else {
		if (v >= UG_HOUR)
			n += (size_t)snprintf(text + n, sizeof text - n, "%lluh", (unsigned long long)(v / UG_HOUR));
		if (v >= UG_MINUTE)
			n += (size_t)snprintf(
				text + n, sizeof text - n, "%llum", (unsigned long long)(v % UG_HOUR / UG_MINUTE));
		n += put_fraction(text + n, sizeof text - n, v % UG_MINUTE, UG_SECOND, "s");
	}
	return snprintf(buf, size, "%s", text);
}
