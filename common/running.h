/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_RUNNING_H
#define XSOCKET_COMMON_RUNNING_H

/*
 * Whether a preloaded library is at work in a process that runs, as /proc tells who may look: its
 * owner, or root. Nothing is printed, and the process does not notice. As program.h, for a checker.
 *
 * What a seccomp filter forbids cannot be read, only that there is one. Where AF_UNIX is forbidden
 * is found by the library itself, which says so at the first bind(2).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum running_state {
	RUNNING_UNKNOWN, /* it may not be looked at, or the kernel does not tell */
	RUNNING_NO,
	RUNNING_YES,
};

/* What is in the way. `obstacles` is made of 1u << these. */
enum running_obstacle {
	RUNNING_NOT_LOADED,	/* the library is not mapped */
	RUNNING_SECURE,		/* and LD_PRELOAD was ignored: secure-execution mode */
	RUNNING_NOT_ASKED,	/* it was started without LD_PRELOAD, or without XBIND */
	RUNNING_SOCKET_HIDDEN,	/* the control socket is not there in its root directory */
	RUNNING_SOCKET_OTHER,	/* another file has its name there */
	RUNNING_SOCKET_DENIED,	/* it may not be looked at */
	RUNNING_NO_PROC,	/* its root directory has no /proc with it in */
	RUNNING_FILTERED,	/* a seccomp filter: it may forbid what is needed */
	RUNNING_SAME_NAMESPACE, /* it is in the broker's network namespace already */
	RUNNING_OBSTACLES,
};

struct running {
	unsigned obstacles;
	enum running_state loaded, secure;
	int seccomp;			/* as in seccomp(2), or -1 */
	int no_new_privs;		/* 0, 1, or -1 */
	uint64_t net_device, net_inode; /* its network namespace; 0: unknown */
};

/*
 * library is the file name of the library, "libxbind.so". socket is the absolute path of a control
 * socket, or NULL: that is not looked at. broker is a process of the broker, or 0: namespaces are
 * not compared.
 *
 * Returns 0, or a negative errno: -ESRCH when there is no such process, -EACCES or -EPERM when it
 * is somebody else's.
 */
int running_inspect(
	pid_t pid, const char *library, const char *socket, pid_t broker, struct running *ret);

/* As program_text(). */
const struct program_text *running_text(enum running_obstacle obstacle);

#endif
