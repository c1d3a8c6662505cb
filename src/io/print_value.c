/* SPDX-License-Identifier: MIT */
/* One value as text, by its type: what ug_print and ug_fprint choose from. */
#include "io/print_priv.h"

#include <stdlib.h>

int ug_fprint_text(ug_writer w, const char *text)
{
	return (int)ug__least(0, ug_write_text(w, text ? text : "(null)"));
}

int ug_fprint_char(ug_writer w, char c)
{
	return (int)ug__least(0, ug_write(w, &c, 1));
}

int ug_fprint_bool(ug_writer w, int value)
{
	return ug_fprint_text(w, value ? "true" : "false");
}

int ug_fprint_int(ug_writer w, int64_t value)
{
	return ug_fprintf(w, "%jd", (intmax_t)value);
}

int ug_fprint_uint(ug_writer w, uint64_t value)
{
	return ug_fprintf(w, "%ju", (uintmax_t)value);
}

int ug_fprint_pointer(ug_writer w, const void *value)
{
	return ug_fprintf(w, "%p", value);
}

/* The reader of the digits is strtod. Under a locale with another point it stops there, and 17 digits are printed:
 * longer than need be, and right. */
int ug_fprint_double(ug_writer w, double value)
{
	struct ug__out o;
	o.w = w;
	struct ug__spec s = {.conversion = 'g', .precision = 15};
	for (;; s.precision++) {
		o.err = 0;
		o.n = 0;
		ug__print_double(&o, &s, value);
		o.buf[o.n] = 0;
		if (s.precision == 17 || value != value || strtod(o.buf, NULL) == value)
			return (int)ug__least(0, ug_write(w, o.buf, o.n));
	}
}
