/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_FILES_H
#define XSOCKET_SERVER_FILES_H

/*
 * The files that tell a resolver what it needs to know in the broker's namespace. Of the namespace
 * NAME they are /etc/netns/NAME/FILE where there is one (ip-netns(8)), else /etc/FILE.
 */

#include "daemon/netns.h"

#include <limits.h>
#include <stdint.h>

struct files {
	char name[NAME_MAX + 1]; /* of the namespace; "": it has none, and /etc holds */
};

/* Long enough for each path. */
#define FILES_PATH_SIZE (NAME_MAX + 64)

/* The name of a namespace: that of /run/netns/NAME, none for any other path. */
void files_of_netns(const struct netns *netns, struct files *ret);

/*
 * Opens a file (enum wire_file) as it is now, for reading only. path is that of the file found, for
 * messages.
 *
 * Returns a descriptor of a regular file, or a negative errno for the client, and in *ret_why a
 * reason for the log: -ENOENT (there is none), -EBADMSG (no such number), -EMFILE, -ENFILE and
 * -ENOMEM; -EIO for what is there but is no regular file, or may not be read.
 */
int files_open(
	const struct files *files, uint32_t file, char path[FILES_PATH_SIZE], const char **ret_why);

#endif
