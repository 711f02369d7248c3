/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_ENDPOINT_H
#define XSOCKET_BRIDGE_ENDPOINT_H

/*
 * One end of a forward, as it is written: what, where, and how.
 *
 *   tcp:HOST:PORT  udp:HOST:PORT  unix:PATH  unix:@NAME  fd:N  HOST:PORT (TCP)
 *
 * and then any number of ,OPTION or ,OPTION=VALUE.
 *
 * HOST is an IPv4 address, [an IPv6 address], or, where it connects, a name; where it listens, an
 * empty HOST or * is every address of both kinds. A backslash takes the next character as it is:
 * \, in a path. endpoint_parse() is pure: no system calls.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum endpoint_kind {
	ENDPOINT_TCP,
	ENDPOINT_UDP,
	ENDPOINT_UNIX,
	ENDPOINT_FD, /* listening: streams or datagrams, found out later; else connected already */
};

enum endpoint_side {
	ENDPOINT_LISTEN,
	ENDPOINT_CONNECT,
};

/* Where its sockets come from. */
enum endpoint_place {
	ENDPOINT_HERE,
	ENDPOINT_NETNS,	   /* place_name: NAME, a path, or pid:N */
	ENDPOINT_NETNS_FD, /* place_fd: an open descriptor of a namespace (netns=fd:N) */
	ENDPOINT_BROKER,   /* place_name: SERVER */
};

/* proxy=: a PROXY protocol header that is sent (connecting) or expected (listening). */
enum endpoint_proxy {
	ENDPOINT_PROXY_NONE,
	ENDPOINT_PROXY_V1,
	ENDPOINT_PROXY_V2,
	ENDPOINT_PROXY_ANY, /* listening only: version 1 or 2 */
};

/* A value that can be left alone, or taken over from the other side. */
#define ENDPOINT_UNSET (-1)
#define ENDPOINT_CARRY (-2)

struct endpoint {
	enum endpoint_kind kind;
	enum endpoint_side side;
	char *text; /* all of it, as it was written */
	char *host; /* "": every address */
	uint16_t port;
	char *path; /* Unix: path, or @name */
	int fd;
	bool accepted; /* fd is one connected client (netns_tcp_bridge's --preaccepted-fd) */

	enum endpoint_place place;
	char *place_name;
	int place_fd;

	/* both */
	enum endpoint_proxy proxy;
	char *interface;      /* interface=NAME: SO_BINDTODEVICE */
	bool nodelay;	      /* nodelay=yes|no, default yes: TCP_NODELAY */
	/* keepalive=yes|no|SECONDS: -1 no, 0 yes with the system's times (default), else idle s */
	int keepalive;
	int tos;	      /* tos=carry|0..255: default carry where TCP connects, else unset */
	int ttl;	      /* ttl=carry|1..255: default unset */
	int mark;	      /* mark=N: SO_MARK (needs CAP_NET_ADMIN); default unset */

	/* listening */
	int backlog;	      /* backlog=N: default 4096 */
	bool v6only;	      /* ipv6only */
	bool freebind;	      /* freebind: an address that is not there yet */
	mode_t mode;	      /* mode=0660: of a Unix socket; default 0600 */
	char *user, *group;   /* user=, group=: its owner */

	/* connecting */
	char *bind;	      /* bind=ADDR or ADDR:PORT ([ADDR6]:PORT): source address */
	bool transparent;     /* transparent: the client's address is the source (IP_TRANSPARENT) */
	bool as_local;	      /* as-local: see plan_presents_local() */
};

/*
 * Parses all of text. Returns 0, or -EINVAL (-ENOMEM) with a message in error that says what is
 * wrong and what to write instead. *ret is to be freed by endpoint_free().
 */
int endpoint_parse(const char *text, enum endpoint_side side, struct endpoint *ret, char *error,
	size_t error_size);

/* Sets everything to its default, for those who fill in an endpoint by themselves. */
void endpoint_init(struct endpoint *endpoint, enum endpoint_side side);

void endpoint_free(struct endpoint *endpoint);

/* "tcp", "udp", "unix", "fd" */
const char *endpoint_kind_text(enum endpoint_kind kind);

#endif
