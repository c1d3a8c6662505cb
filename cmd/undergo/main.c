/* SPDX-License-Identifier: MIT */
/* The program: a table of subcommands. */
#include "cmd.h"

#include <string.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"serve", cmd_serve, "serve a folder over HTTP"},
};

int cmd_fail(const char *name, const char *format, ...)
{
	UG_CLEAN(ug_buf_done) ug_buf line = UG_ZERO;
	ug_writer w = ug_buf_writer(&line);
	va_list args;
	ug_fprintf(w, "undergo%s%s: ", *name ? " " : "", name);
	va_start(args, format);
	ug_vfprintf(w, format, args);
	va_end(args);
	ug_write_text(w, "\n");
	ug_write(ug_stderr(), ug_buf_bytes(&line), ug_buf_len(&line));
	return STATUS_USAGE;
}

static int help(void)
{
	UG_TRY(ug_printf("usage: undergo COMMAND [ARGUMENT]...\n\n"));
	for (size_t i = 0; i < UG_COUNT_OF(commands); i++)
		UG_TRY(ug_printf("  %-8s %s\n", commands[i].name, commands[i].summary));
	return ug_printf("\n`undergo COMMAND --help` tells more; `undergo --version` says which undergo this is.\n");
}

static int app(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (argc < 2) {
		help();
		return STATUS_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
		return help();
	if (strcmp(name, "--version") == 0)
		return ug_printf("undergo " UG_VERSION "\n");
	for (size_t i = 0; i < UG_COUNT_OF(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return cmd_fail("", "no command %s; `undergo --help` lists them", name);
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
