/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_ADDRESS_H
#define XSOCKET_COMMON_ADDRESS_H

/*
 * SERVER, the name of a broker, everywhere one is asked for:
 *
 *   NAME    /run/xsocket/NAME
 *   a/path  anything with a slash is a path
 *   @name   the abstract name, which is not visible from another network namespace (unix(7))
 *   NULL    the default, /run/xsocket/default
 */

#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_DIRECTORY "/run/xsocket"
#define ADDRESS_DEFAULT	  "default"

struct address {
	struct sockaddr_un un;
	socklen_t length;
};

/*
 * Returns 0, -EINVAL when SERVER is empty, "." or "..", or -ENAMETOOLONG when it does not fit
 * (a path has 107 bytes, unix(7)).
 */
int address_from_server(const char *server, struct address *ret);

/* No SERVER that address_from_server() takes is longer, its end included. */
#define ADDRESS_SERVER_SIZE (sizeof(((struct sockaddr_un *)0)->sun_path) + 1)

/* NAME of SERVER (not NULL), which its units are called after; NULL: it is somewhere else. */
const char *address_instance(const char *server);

/* The path on disk, or NULL for an abstract name. */
const char *address_path(const struct address *address);

/* The path or @name for messages; abstract names are not terminated by themselves. */
#define ADDRESS_TEXT_SIZE (sizeof(struct sockaddr_un))
const char *address_text(const struct address *address, char text[ADDRESS_TEXT_SIZE]);

#endif
