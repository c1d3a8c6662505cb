/* SPDX-License-Identifier: MIT */
#include "base/atomic.h"
#include <string.h>
#include <undergo/base.h>

UG__NOINLINE int *ug_errno_location(void)
{
	/* errno here is ug_errno_location itself: go round it. */
	int *location = __errno_location();
	__asm__ volatile("" : "+r"(location));
	return location;
}

static const struct own {
	int code;
	const char *name, *text;
} own[] = {
	{UG_ETOOLONG, "UG_ETOOLONG", "Longer than its limit"},
	{UG_EPROTO_HTTP, "UG_EPROTO_HTTP", "The peer broke the rules of HTTP"},
	{UG_ESHORT, "UG_ESHORT", "Unexpected end of stream"},
	{UG_ENOPROGRESS, "UG_ENOPROGRESS", "Many reads or writes without progress"},
	{UG_ENOHOST, "UG_ENOHOST", "No such host"},
	{UG_EHOSTAGAIN, "UG_EHOSTAGAIN", "Name resolution failed this time"},
	{UG_EHOSTFAIL, "UG_EHOSTFAIL", "Name resolution failed"},
};

static const struct own *find_own(int code)
{
	for (size_t i = 0; i < UG_COUNT_OF(own); i++)
		if (own[i].code == code)
			return &own[i];
	return NULL;
}

const char *ug_strerror(int code)
{
	if (code > 0)
		code = -code;
	const struct own *o = find_own(code);
	const char *text = o ? o->text : code >= -4095 ? strerrordesc_np(-code) : NULL;
	return text ? text : "Unknown error";
}

const char *ug_errname(int code)
{
	if (code > 0)
		code = -code;
	const struct own *o = find_own(code);
	const char *name = o ? o->name : code >= -4095 ? strerrorname_np(-code) : NULL;
	return name ? name : "?";
}
