/* SPDX-License-Identifier: MIT */
/* The scanner: a buffer that grows as far as the limit, and a split function that finds tokens in it. */
#include "io/io_priv.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 4096
#define DEFAULT_LIMIT 65536
#define IDLE_MAX 100 /* empty tokens in a row that take nothing */

void ug_scan_init(ug_scan *s, ug_reader src, const struct ug_scan_opts *opts)
{
	*s = (ug_scan){
		.src_ = src,
		.split_ = opts && opts->split ? opts->split : ug_split_lines,
		.split_arg_ = opts ? opts->split_arg : NULL,
		.limit_ = opts && opts->limit ? opts->limit : DEFAULT_LIMIT,
	};
}

void ug_scan_done(ug_scan *s)
{
	free(s->buf_);
	*s = (ug_scan){.token = NULL};
}

static int grow(ug_scan *s)
{
	if (s->size_ >= s->limit_)
		return UG_ETOOLONG;
	size_t size = s->size_ ? s->size_ : FIRST_SIZE / 2;
	size = size <= s->limit_ / 2 ? size * 2 : s->limit_;
	char *buf = realloc(s->buf_, size);
	if (!buf)
		return -ENOMEM;
	s->buf_ = buf;
	s->size_ = size;
	return 0;
}

/* Reads more behind what is there. */
static int fill(ug_scan *s)
{
	if (s->start_ && (s->end_ == s->size_ || s->start_ == s->end_)) {
		memmove(s->buf_, s->buf_ + s->start_, s->end_ - s->start_);
		s->end_ -= s->start_;
		s->start_ = 0;
	}
	if (s->end_ == s->size_) {
		int e = grow(s);
		if (e < 0)
			return s->err_ = e;
	}
	ssize_t got = ug_read(s->src_, s->buf_ + s->end_, s->size_ - s->end_);
	if (got < 0) {
		/* The stream is whole yet where only the caller's patience ended. */
		if (got != -ECANCELED && got != -ETIMEDOUT)
			s->err_ = (int)got;
		return (int)got;
	}
	s->end_ += (size_t)got;
	s->ended_ = got == 0;
	return 0;
}

/* Asks split once: 1 a token, 0 none, or a negative code. *went is how far it went on. */
static int ask(ug_scan *s, size_t *went)
{
	struct ug_token t = {NULL, 0};
	size_t n = s->end_ - s->start_;
	ssize_t step = s->split_(s->split_arg_, n ? s->buf_ + s->start_ : "", n, s->ended_, &t);
	if (step < 0 || (size_t)step > n)
		return s->err_ = step < 0 ? (int)step : -EINVAL;
	*went = (size_t)step;
	s->start_ += *went;
	s->idle_ = t.data && step == 0 ? s->idle_ + 1 : 0;
	if (s->idle_ > IDLE_MAX)
		return s->err_ = UG_ENOPROGRESS;
	if (!t.data)
		return 0;
	s->token = t.data;
	s->length = t.length;
	return 1;
}

int ug_scan_next(ug_scan *s)
{
	s->token = NULL;
	s->length = 0;
	while (s->err_ == 0 && s->split_) {
		if (s->end_ > s->start_ || s->ended_) {
			size_t went = 0;
			int found = ask(s, &went);
			if (found)
				return found;
			if (went)
				continue;
			if (s->ended_)
				return 0;
		}
		UG_TRY(fill(s));
	}
	return s->err_;
}

ssize_t ug_split_lines(void *arg, const char *data, size_t n, int at_end, struct ug_token *out)
{
	(void)arg;
	const char *end = memchr(data, '\n', n);
	if (!end && !(at_end && n))
		return 0;
	size_t length = end ? (size_t)(end - data) : n;
	out->data = data;
	out->length = length && data[length - 1] == '\r' ? length - 1 : length;
	return (ssize_t)(end ? length + 1 : n);
}

static int is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

ssize_t ug_split_words(void *arg, const char *data, size_t n, int at_end, struct ug_token *out)
{
	(void)arg;
	size_t start = 0, end;
	while (start < n && is_space(data[start]))
		start++;
	for (end = start; end < n && !is_space(data[end]);)
		end++;
	if (end < n || (at_end && end > start)) {
		out->data = data + start;
		out->length = end - start;
		return (ssize_t)(end < n ? end + 1 : end);
	}
	return (ssize_t)start;
}
