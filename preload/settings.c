/* SPDX-License-Identifier: MIT */
#include "preload/settings.h"

#include "preload/report.h"

#include <stdlib.h>
#include <string.h>

void settings_read_level(const char *library, const char *variable, bool first)
{
	const char *text = secure_getenv(variable);
	enum report_level level = REPORT_ERROR;

	if (text && strcmp(text, "silent") == 0)
		level = REPORT_SILENT;
	if (text && strcmp(text, "debug") == 0)
		level = REPORT_DEBUG;
	report_configure(library, variable, level);
	if (first && text && *text && level == REPORT_ERROR && strcmp(text, "error") != 0)
		report(REPORT_ERROR, "%s=%s is not one of silent, error, debug", variable, text);
}

bool settings_copy_server(const char *variable, const char *text, const char *harm, bool first,
	char ret[ADDRESS_SERVER_SIZE])
{
	struct address address;

	if (address_from_server(text, &address) < 0) {
		if (first)
			report(REPORT_ERROR,
				"%s=%s is not the name of a broker (vpn for /run/xsocket/vpn) nor "
				"a path of at most 107 bytes; until that is corrected %s",
				variable, text, harm);
		return false;
	}
	/* It fits into an address, so it fits in there. */
	memcpy(ret, text, strlen(text) + 1);
	return true;
}
