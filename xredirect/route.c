/* SPDX-License-Identifier: MIT */
#include "xredirect/route.h"

#include "lib/context.h"

#include <string.h>

/* While it is read by somebody else it is not known where sockets are to be made. */
static const struct config unknown = {.broken = true};

static const struct config *config_now(void)
{
	const struct config *config = config_get();

	return config ? config : &unknown;
}

struct route route_current(void)
{
	const struct config *config = config_now();
	const char *server = context_current();

	if (config->broken)
		return (struct route){.broken = true};
	if (!server)
		server = config->server;
	/* "." is no name of a broker, and means here. */
	if (*server == '\0' || strcmp(server, ".") == 0)
		server = NULL;
	return (struct route){.server = server, .pool = config->pool};
}

const struct local *route_local(void)
{
	return &config_now()->local;
}
