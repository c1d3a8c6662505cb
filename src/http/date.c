/* SPDX-License-Identifier: MIT */
/*
 * HTTP dates: one form is written, three are read (RFC 9110 5.6.7). A date whose day of the week is not the day
 * of its date is refused: one of the two is wrong, and a condition that is ignored costs a transfer, while one that
 * is believed costs a wrong answer. The algorithm between days and dates is the usual one over eras of 400 years that
 * begin on 1 March, so that the leap day is the last of its year.
 */
#include "http/date_priv.h"

#include "http/chars_priv.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char days_of_week[7][10] = {
	"Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", /* 1970-01-01 first */
};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t ug__http_days(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = floor_div(year, 400);
	int64_t y = year - era * 400;
	int64_t d = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
	return era * 146097 + y * 365 + y / 4 - y / 100 + d - 719468;
}

void ug__http_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 719468;
	int64_t era = floor_div(days, 146097);
	int64_t d = days - era * 146097;
	int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	d -= 365 * y + y / 4 - y / 100;
	int64_t m = (5 * d + 2) / 153;
	*day = (unsigned)(d - (153 * m + 2) / 5 + 1);
	*month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

static char *put2(char *p, unsigned v)
{
	*p++ = (char)('0' + v / 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

static char *put_text(char *p, const char *s, size_t n)
{
	memcpy(p, s, n);
	return p + n;
}

void ug__http_date_format(char out[UG__HTTP_DATE_LEN + 1], int64_t seconds)
{
	const int64_t first = -62167219200, last = 253402300799;
	int64_t year, t = seconds < first ? first : seconds > last ? last : seconds;
	int64_t days = floor_div(t, 86400);
	unsigned month, day, sec = (unsigned)(t - days * 86400);
	ug__http_civil(days, &year, &month, &day);
	char *p = put_text(out, days_of_week[(days % 7 + 7) % 7], 3);
	p = put_text(p, ", ", 2);
	p = put2(p, day);
	*p++ = ' ';
	p = put_text(p, months[month - 1], 3);
	*p++ = ' ';
	p = put2(p, (unsigned)year / 100);
	p = put2(p, (unsigned)year % 100);
	*p++ = ' ';
	p = put2(p, sec / 3600);
	*p++ = ':';
	p = put2(p, sec / 60 % 60);
	*p++ = ':';
	p = put2(p, sec % 60);
	memcpy(p, " GMT", 5);
}

struct parts {
	unsigned year, month, day, hour, minute, second;
};

/* Matches s against a pattern: a letter of "dcyhms" stands for two digits of that part (c: the high two of the year),
 * "e" for a day of two digits or of SP and one, "b" for a month's name; all else stands for itself. */
static bool match(const char *s, size_t n, const char *pattern, struct parts *out)
{
	struct parts p = {0};
	const char *end = s + n;
	for (; *pattern; pattern++) {
		if (*pattern == 'b') {
			if (end - s < 3)
				return false;
			for (p.month = 0; p.month < 12 && memcmp(s, months[p.month], 3) != 0; p.month++)
				;
			if (p.month++ == 12)
				return false;
			s += 3;
			continue;
		}
		unsigned *v = NULL, two;
		switch (*pattern) {
		case 'e':
		case 'd':
			v = &p.day;
			break;
		case 'c':
		case 'y':
			v = &p.year;
			break;
		case 'h':
			v = &p.hour;
			break;
		case 'm':
			v = &p.minute;
			break;
		case 's':
			v = &p.second;
			break;
		}
		if (!v) {
			if (s == end || *s++ != *pattern)
				return false;
			continue;
		}
		if (end - s < 2 || !ug__http_is(s[1], UG__CH_DIGIT))
			return false;
		if (!ug__http_is(s[0], UG__CH_DIGIT) && !(*pattern == 'e' && s[0] == ' '))
			return false;
		two = (unsigned)(s[0] == ' ' ? 0 : s[0] - '0') * 10 + (unsigned)(s[1] - '0');
		*v = *pattern == 'y' ? p.year * 100 + two : two;
		s += 2;
	}
	if (s != end)
		return false;
	*out = p;
	return true;
}

/* The number of the weekday that s begins with, by its full name or its first three letters; -1: none. */
static int weekday(const char **s, size_t *n, bool full)
{
	for (int i = 0; i < 7; i++) {
		size_t len = full ? strlen(days_of_week[i]) : 3;
		if (*n >= len && memcmp(*s, days_of_week[i], len) == 0) {
			*s += len;
			*n -= len;
			return i;
		}
	}
	return -1;
}

int ug__http_date_parse(const char *s, size_t n, int64_t now, int64_t *out)
{
	struct parts p;
	const char *rest = s;
	size_t left = n;
	bool full = true, two_digits = false;
	int day = weekday(&rest, &left, true);
	if (day < 0 || left == 0) {
		full = false;
		day = weekday(&rest, &left, false);
	}
	if (day < 0)
		return -EINVAL;
	if (full) {
		if (!match(rest, left, ", d-b-y h:m:s GMT", &p))
			return -EINVAL;
		two_digits = true;
	} else if (!match(rest, left, ", d b cy h:m:s GMT", &p) && !match(rest, left, " b e h:m:s cy", &p)) {
		return -EINVAL;
	}
	int64_t year = p.year;
	if (two_digits) { /* at most 50 years ahead of now, else the last such year before it */
		int64_t this_year;
		unsigned month, mday;
		ug__http_civil(floor_div(now, 86400), &this_year, &month, &mday);
		year += this_year - this_year % 100;
		if (year > this_year + 50)
			year -= 100;
		else if (year <= this_year - 50)
			year += 100;
	}
	if (p.day < 1 || p.hour > 23 || p.minute > 59 || p.second > 60)
		return -EINVAL;
	int64_t days = ug__http_days(year, p.month, p.day), y;
	unsigned m, d;
	ug__http_civil(days, &y, &m, &d);
	if (y != year || m != p.month || d != p.day || (days % 7 + 7) % 7 != day)
		return -EINVAL;
	if (p.second == 60) /* a leap second: the clock has no such */
		p.second = 59;
	*out = days * 86400 + p.hour * 3600 + p.minute * 60 + p.second;
	return 0;
}
