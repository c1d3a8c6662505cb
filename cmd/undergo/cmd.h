/* SPDX-License-Identifier: MIT */
/* The subcommands of undergo, and what they share. */
#ifndef UG_CMD_CMD_H
#define UG_CMD_CMD_H

#include <stdbool.h>
#include <undergo/undergo.h>

#define STATUS_USAGE 2 /* wrong use, or something that was there before the program: an exit status */

/* Each gets its own name as argv[0] and answers an exit status or a negative code. */
int cmd_serve(int argc, char **argv);

/* One line on standard error, "undergo NAME: ...". Answers STATUS_USAGE. */
int cmd_fail(const char *name, const char *format, ...) UG_PRINTF_LIKE(2, 3);

/* The exit status after something was written to standard output, or a code: 0, or 1 and a line on standard error. */
int cmd_said(const char *name, int e);

#endif
