/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_CONFIG_H
#define XSOCKET_BRIDGE_CONFIG_H

/*
 * /etc/xsocket/bridge/NAME.conf: [Bridge] has limits, each [Forward NAME] two endpoints and its
 * own.
 */

#include "bridge/plan.h"

#define CONFIG_DIRECTORY "/etc/xsocket/bridge"

/*
 * Reads the file at path. All or nothing: *ret, which is not freed before, is written only when
 * every line is right and plan_check() finds nothing; there is a forward at least.
 *
 * Returns 0, or a negative errno with a message in error that says what is wrong and where:
 * -ENOENT where there is no file, -EINVAL for what it says, -ENOMEM, or that of reading it.
 */
int config_load(const char *path, struct plan *ret, char *error, size_t error_size);

#endif
