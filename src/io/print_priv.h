/* SPDX-License-Identifier: MIT */
#ifndef UG_IO_PRINT_PRIV_H
#define UG_IO_PRINT_PRIV_H

#include "io/io_priv.h"

#define UG__PRINT_ONE_WRITE 1024

/* A text on its way out. */
struct ug__out {
	ug_writer w;
	int err;
	size_t n;
	char buf[UG__PRINT_ONE_WRITE];
};

void ug__out_put(struct ug__out *o, const char *text, size_t n);
void ug__out_pad(struct ug__out *o, char c, int64_t n); /* n below 1: none */

enum {
	UG__PRINT_LEFT = 1, /* - */
	UG__PRINT_PLUS = 2, /* + */
	UG__PRINT_SPACE = 4,
	UG__PRINT_ALTERNATE = 8, /* # */
	UG__PRINT_ZERO = 16, /* 0 */
};

enum ug__print_length { UG__PRINT_INT, UG__PRINT_HH, UG__PRINT_H, UG__PRINT_L, UG__PRINT_LL, UG__PRINT_BIG_L };

/* One conversion of a format. */
struct ug__spec {
	unsigned flags;
	int width, precision; /* precision -1: none was given */
	enum ug__print_length length;
	char conversion;
};

/* What stands around the `n` characters of a number: padding, sign or base, zeros. The second one ends it. */
void ug__out_open(struct ug__out *o, const struct ug__spec *s, const char *prefix, int64_t n);
void ug__out_close(struct ug__out *o, const struct ug__spec *s, const char *prefix, int64_t n);

/* Prints by e, f, g or a, in either case. */
void ug__print_double(struct ug__out *o, const struct ug__spec *s, double x);

#endif
