/* SPDX-License-Identifier: MIT */
/* The program: a table of subcommands. */
#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"serve", cmd_serve, "serve a folder over HTTP"},
};

/* Of the C library's making: there may be no memory for a buffer. */
int cmd_fail(const char *name, const char *format, ...)
{
	char line[1024];
	va_list args;
	size_t n = strlen(strcpy(line, "undergo"));
	n += (size_t)snprintf(line + n, sizeof line - n, "%s%.50s: ", *name ? " " : "", name);
	va_start(args, format);
	int more = vsnprintf(line + n, sizeof line - n, format, args);
	va_end(args);
	n = more < 0 ? n : n + (size_t)more < sizeof line - 1 ? n + (size_t)more : sizeof line - 2;
	for (size_t i = 0; i < n; i++) /* names may hold what a terminal takes for orders */
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	if (ug_write(ug_stderr(), line, n) == -ENOMEM)
		(void)!write(2, line, n);
	return STATUS_USAGE;
}

int cmd_said(const char *name, int e)
{
	if (e < 0)
		cmd_fail(name, "cannot write to standard output: %s", ug_strerror(e));
	return e < 0;
}

static int help(void)
{
	UG_TRY(ug_printf("usage: undergo COMMAND [ARGUMENT]...\n\n"));
	for (size_t i = 0; i < UG_COUNT_OF(commands); i++)
		UG_TRY(ug_printf("  %-8s %s\n", commands[i].name, commands[i].summary));
	return ug_printf("\n`undergo COMMAND --help` tells more; `undergo --version` says which undergo this is.\n");
}

static int started;

static int app(int argc, char **argv)
{
	started = 1;
	const char *name = argc > 1 ? argv[1] : "";
	if (argc < 2) {
		(void)cmd_said("", help());
		return STATUS_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
		return cmd_said("", help());
	if (strcmp(name, "--version") == 0)
		return cmd_said("", ug_printf("undergo " UG_VERSION "\n"));
	for (size_t i = 0; i < UG_COUNT_OF(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return cmd_fail("", "no command %s; `undergo --help` lists them", name);
}

int main(int argc, char **argv)
{
	static const char complaint[] =
		"undergo: cannot start: there are no threads, memory or descriptors to be had\n";
	int status = ug_main(argc, argv, app, NULL);
	if (!started)
		(void)!write(2, complaint, sizeof complaint - 1);
	return status;
}
