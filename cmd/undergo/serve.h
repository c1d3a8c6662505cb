/* SPDX-License-Identifier: MIT */
/* The parts of `undergo serve`. */
#ifndef UG_CMD_SERVE_H
#define UG_CMD_SERVE_H

#include "cmd.h"

#define LISTEN_MAX 8

enum log_format { LOG_COMMON, LOG_JSON, LOG_NONE };

struct serve_options {
	const char *folder;
	const char *listen[LISTEN_MAX];
	int listen_count;
	enum log_format log;
	struct ug_http_files_opts files;
	struct ug_http_server_opts server;
};

/* Reads the command line: 0, 1 all is said (--help, --version), or an exit status with its line written, negated. */
int serve_options(int argc, char **argv, struct serve_options *out);

/* The access log: lines from all connections, gathered and written by one task of its own. */
typedef struct serve_log serve_log;
int serve_log_open(enum log_format format, serve_log **out);
/* For ug_http_server_opts: arg is the serve_log. */
void serve_log_entry(void *arg, const struct ug_http_log *entry);
/* Writes what is left; waits, as long as somebody reads it. How many lines got lost, because nobody did. */
uint64_t serve_log_close(serve_log *log);

#endif
