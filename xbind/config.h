/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XBIND_CONFIG_H
#define XSOCKET_XBIND_CONFIG_H

/*
 * The environment, read once: XBIND (rules.h), XSOCKET (the default broker), XBIND_LOG. A program
 * that changes its environment later changes nothing here.
 */

#include "preload/settings.h"
#include "xbind/rules.h"

#include <stdbool.h>

struct config {
	bool broken; /* XBIND or XSOCKET is wrong, which was reported: no bind(2) may succeed */
	struct rules rules;
	char server[ADDRESS_SERVER_SIZE]; /* "": the default */
};

/*
 * Returns the configuration. It is read by a constructor, or by a caller that comes before that.
 * A caller that comes while it is being read gets it read into *scratch, without waiting for
 * anybody, or NULL where scratch is NULL.
 */
const struct config *config_get(struct config *scratch);

/* Whether any bind(2) may be redirected; also true while that is not known. */
bool config_active(void);

#endif
