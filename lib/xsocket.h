/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_H
#define XSOCKET_H

/*
 * Sockets of another network namespace, handed out by a broker (xsocket-server(8)).
 *
 * SERVER names the broker: NAME stands for /run/xsocket/NAME, anything with a slash is a path,
 * @name is an abstract name, which cannot be reached from another network namespace (unix(7)).
 * NULL is the broker of the calling thread's current context (xsocket_push()). Outside of any, and
 * in the context ".", it is the default broker, /run/xsocket/default.
 *
 * All functions report failure as socket(2) does, and leave errno alone when they succeed. None
 * waits longer than 10 seconds for an answer, kept to within a second (xsocket_client_sockets() for
 * each message of up to 253 sockets). They are no cancellation points. Besides the errno values
 * that each function names, every function that asks a broker can fail with these:
 *
 *   EINVAL           SERVER is empty, "." or ".."; or as in socket(2)
 *   ENAMETOOLONG     SERVER is longer than a Unix socket's address can be (107 bytes)
 *   ENOENT, ENOTDIR  there is no such control socket: is xsocket@NAME.socket enabled?
 *   ELOOP            too many symbolic links on the way to it
 *   ECONNREFUSED     there is a control socket and nobody listens on it; or, for an abstract
 *                    name, nobody in the caller's own network namespace does
 *   EACCES           the caller may not write to the control socket, or not search a directory
 *                    on the way; or the broker does not hand out sockets of this kind, which
 *                    includes unknown bits in type, or files for resolvers (AllowResolver=)
 *   EPERM            a sandbox or a security module of the caller's forbids it
 *   ENETDOWN         the broker hung up without an answer, again and again: its namespace is
 *                    missing, or it cannot start
 *   ETIMEDOUT        no answer within the deadline
 *   EBADMSG, EOPNOTSUPP
 *                    the broker did not understand the request: it is of another version.
 *                    EOPNOTSUPP, where a file is asked for: it is older than 2.1
 *   EPROTO           what answered is not a broker, or an answer made no sense
 *   EPROTONOSUPPORT  the broker does not speak this version of the protocol; or as in socket(2)
 *   EAFNOSUPPORT, ESOCKTNOSUPPORT, ENOPROTOOPT
 *                    as in socket(2), of the broker's namespace (ENOPROTOOPT: MPTCP is off there);
 *                    EAFNOSUPPORT also when the caller's sandbox forbids AF_UNIX sockets
 *   EMFILE, ENFILE   no descriptor left: in this process, in the broker, or in the system
 *   ETOOMANYREFS     the caller's user holds too many sockets that it asked for and never received
 *   EUSERS           the caller's user has as many connections to the broker as it may have
 *   EBUSY            the broker has as many connections as it may have, or this connection asked
 *                    again before it had received its last answer
 *   ENOBUFS, ENOMEM  the kernel is out of memory, here or there
 */

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As socket(2), but the socket belongs to the broker's network namespace.
 *
 * domain, type and protocol are socket(2)'s, SOCK_CLOEXEC and SOCK_NONBLOCK included. By default
 * a broker hands out TCP, MPTCP and UDP sockets of AF_INET and AF_INET6. The descriptor is the
 * lowest one that was free, as with socket(2).
 *
 * Safe in threads, in a child after fork(2), and in signal handlers. Opens one connection to the
 * broker and closes it again; nothing is kept open between calls.
 *
 * Returns the descriptor, or -1 and errno.
 */
int xsocket(const char *server, int domain, int type, int protocol);

/*
 * One connection to a broker, for callers that want many sockets quickly.
 *
 * A client is for one thread at a time. When a signal handler interrupts a call and uses the same
 * client, its call is served by a connection of its own, and so is a call in a child after
 * fork(2), which then keeps that connection. A connection that the broker closed, or that was
 * closed or replaced behind the library's back (close(2), closefrom(3), dup2(2) over it), is
 * noticed and opened again: nothing is ever sent on a descriptor that is not the client's.
 */
struct xsocket_client;

/*
 * Makes a client. The first connection is opened by this call, so that errors show early.
 *
 * Returns NULL and errno: ENOMEM, or what connecting can fail with (EINVAL, ENAMETOOLONG, ENOENT,
 * ENOTDIR, ELOOP, ECONNREFUSED, EACCES, EPERM, ETIMEDOUT, EPROTO, EAFNOSUPPORT, EMFILE, ENFILE,
 * ENOBUFS). Whether the broker serves is known with the first socket.
 */
struct xsocket_client *xsocket_client_new(const char *server);

/* As xsocket(), by the client's connection. */
int xsocket_client_socket(struct xsocket_client *client, int domain, int type, int protocol);

/*
 * Asks for n sockets of one kind and writes their descriptors to fds.
 *
 * n may be any number; one message carries 253 at most (or the broker's MaxBatch=), so that many
 * are asked for with each message.
 *
 * Returns how many sockets there are in fds, which may be fewer than n when an error came after
 * the first ones; or -1 and errno when there is none. n = 0 returns 0.
 */
int xsocket_client_sockets(
	struct xsocket_client *client, int domain, int type, int protocol, int *fds, unsigned n);

/* Files that tell a resolver what it needs to know, in the network namespace of a broker. */
#define XSOCKET_RESOLV_CONF 1 /* resolv.conf(5) */
#define XSOCKET_HOSTS	    2 /* hosts(5) */
#define XSOCKET_NSSWITCH    3 /* nsswitch.conf(5) */

/*
 * Opens one of these files as it is now: with a broker that serves /run/netns/NAME that of
 * /etc/netns/NAME, or else that of /etc, on the broker's side of whatever sandbox there is.
 *
 * file is one of XSOCKET_RESOLV_CONF, XSOCKET_HOSTS and XSOCKET_NSSWITCH. The descriptor is
 * read-only, close-on-exec, at the beginning of the file, and the lowest one that was free.
 *
 * Safe as xsocket() is. Returns the descriptor, or -1 and errno: EINVAL (file is none of the
 * three), ENOENT (also: there is no such file there), EIO (what is there is no regular file, or
 * the broker may not read it), EOPNOTSUPP (the broker is older than 2.1).
 */
int xsocket_resolver_file(const char *server, int file);

/* The same by the client's connection. */
int xsocket_client_resolver_file(struct xsocket_client *client, int file);

/* Closes the connection and frees the client. NULL is allowed. Sockets it gave stay open. */
void xsocket_client_free(struct xsocket_client *client);

/* Room for what xsocket_why() writes, its end included. */
#define XSOCKET_WHY 448

/*
 * What an error of this library means and what to do about it, for a person: half a sentence,
 * without a newline, as "nobody listens there; start it: systemctl enable --now
 * xsocket@vpn.socket".
 *
 * server is that of the call that failed, error the errno it left. The text is written to text,
 * which has room for size bytes; what does not fit is cut. Safe in threads and in signal handlers.
 *
 * Returns text. It is "" where there is no more to say than strerror(3) does.
 */
char *xsocket_why(const char *server, int error, char *text, size_t size);

/*
 * Contexts: each thread has a stack of SERVER names, and the last one pushed is what NULL means as
 * SERVER. Under libxredirect, preloaded, it also is where the thread's socket(2) and its names come
 * from. What has been opened already stays where it is.
 *
 * "." as SERVER stands for the caller's own network namespace, an exception inside another context.
 *
 * A new thread begins with an empty stack; under libxredirect with that of the thread that made it.
 * A child after fork(2) has that of the thread that forked. A program that is executed has none.
 *
 * All three are safe in a signal handler that leaves the stack as it found it. They know threads,
 * but no coroutines: switching between those does not switch contexts.
 */

/*
 * Makes SERVER the current context of the calling thread. It is copied, and looked at for its form
 * only; a NULL stands for "default". A relative path is resolved each time it is used.
 *
 * Returns 0, or -1 and errno: EINVAL (SERVER is empty or ".."), ENAMETOOLONG, ENOMEM.
 */
int xsocket_push(const char *server);

/* Goes back to what was before the last push. Returns 0, or -1 and ENOENT: nothing was pushed. */
int xsocket_pop(void);

/*
 * The current context as it was pushed, or NULL when nothing is. Valid until the calling thread
 * pushes or pops. Never fails, and makes no system call.
 */
const char *xsocket_current(void);

#ifdef __cplusplus
}
#endif

#endif
