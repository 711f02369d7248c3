/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_REMEDY_H
#define XSOCKET_COMMON_REMEDY_H

/* What it means that a broker could not be had, or did not do what it was asked for; what to do. */

#include <stdbool.h>

/* Whether there is more to say about an errno of xsocket(), positive, than what it is called. */
bool remedy_is_known(int error);

/* No text is longer, its end included. */
#define REMEDY_TEXT 448

/*
 * Half a sentence about an error of SERVER (NULL: the default): "nobody listens there; start it:
 * systemctl enable --now xsocket@vpn.socket". Every error has one. Async-signal-safe.
 */
const char *remedy_text(const char *server, int error, char text[REMEDY_TEXT]);

#endif
