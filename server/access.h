/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_ACCESS_H
#define XSOCKET_SERVER_ACCESS_H

/*
 * Who may reach a control socket, by POSIX ACLs (acl(5)) on it and on its directory.
 *
 * Connecting needs write permission on the socket file and search permission on each directory of
 * its path (unix(7)).
 */

#include <stdbool.h>
#include <stddef.h>

enum access_change { ACCESS_GRANT, ACCESS_REVOKE };

/* A user or a group. */
struct access_who {
	bool group;
	unsigned id;
};

/*
 * "u:NAME" or "g:NAME" ("user:", "group:" too); NAME may be a number. Returns 0, -EINVAL, or
 * -ESRCH when there is no such user or group, with a message in error.
 */
int access_parse(const char *text, struct access_who *ret, char *error, size_t error_size);

/* NAME of a user, or a group, alone. As above. */
int access_lookup(bool group, const char *name, struct access_who *ret, char *error,
	size_t error_size);

/*
 * Grants: an entry rw- on the socket at path, with a mask that lets it count, and an entry --x on
 * its directory, unless everybody may search that anyway. Revokes: removes
 * the entry on the socket; the directory stays as it is, other sockets in it may need it.
 *
 * Returns 0, or a negative errno and a message in error: -ENOENT, -ENOTSOCK (path is none),
 * -EPERM (only the owner and root may), -EOPNOTSUPP (a file system without ACLs).
 */
int access_change(const char *path, enum access_change change, const struct access_who *who,
	unsigned n, char *error, size_t error_size);

#endif
