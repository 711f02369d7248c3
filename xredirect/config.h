/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_CONFIG_H
#define XSOCKET_XREDIRECT_CONFIG_H

/*
 * The environment, read once: XREDIRECT (the broker of the whole process), XREDIRECT_LOCAL
 * (local.h), XREDIRECT_POOL, XREDIRECT_LOG. A program that changes its environment later changes
 * nothing here.
 */

#include "preload/settings.h"
#include "xredirect/local.h"

#include <stdbool.h>

#define CONFIG_POOL_MAX 1024

struct config {
	bool broken; /* something is wrong, and was reported: no socket may be made */
	char server[ADDRESS_SERVER_SIZE]; /* "": none */
	struct local local;
	unsigned pool; /* sockets that are held ready, of all kinds together */
};

/*
 * Returns the configuration, which is read by a constructor, or by a caller that comes before that;
 * or NULL while somebody else is reading it, and where there is no environment yet.
 */
const struct config *config_get(void);

#endif
