/* SPDX-License-Identifier: MIT */
#include "daemon/explain.h"

#include <stdarg.h>
#include <stdio.h>

int explain(char *error, size_t size, int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return r;
}
