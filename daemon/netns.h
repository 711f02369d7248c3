/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_DAEMON_NETNS_H
#define XSOCKET_DAEMON_NETNS_H

/*
 * A network namespace, by its name on disk.
 *
 * `ip netns` keeps a namespace as a mount of nsfs on /run/netns/NAME (ip-netns(8)). Deleting and
 * making it again puts another namespace there, while a process in the old one stays in it; the
 * two are told apart by device and inode of the mount (namespaces(7)).
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NETNS_DIRECTORY "/run/netns"

struct netns {
	char path[4096]; /* "" : no name to watch, the namespace is just where we are */
	bool mounted;	 /* path itself is the mount: the mount table tells of every change */
	dev_t device;
	ino_t inode;
};

/*
 * Finds a namespace: NAME (/run/netns/NAME), pid:N (that of a process), or a path where there is a
 * slash. `mounted` of *ret is not looked for.
 *
 * Returns a descriptor of it, or a negative errno and a message in error: -ENOENT (no such name),
 * -EINVAL (no namespace), -ENAMETOOLONG, or that of opening it.
 */
int netns_open(const char *name, struct netns *ret, char *error, size_t error_size);

/*
 * Finds a namespace as netns_open() does and enters it unless the process is already there.
 * Entering needs CAP_SYS_ADMIN, and all threads that should be there must be made later.
 *
 * Returns 0, or a negative errno and a message in error: -ENOENT (no such name), -EINVAL (no
 * network namespace), -EPERM (may not enter), -ENAMETOOLONG.
 */
int netns_enter(const char *name, struct netns *ret, char *error, size_t error_size);

/*
 * Whether the name still stands for the namespace that was found, as far as can be told: true
 * where the name may not be looked at. One stat(2).
 */
bool netns_current(const struct netns *netns);

/*
 * A descriptor that becomes ready for EPOLLPRI, once, with each change of the mount table, and so
 * of a namespace that is `mounted` (proc_pid_mounts(5)). Returns it or a negative errno.
 */
int netns_watch(void);

#endif
