/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_NETADDR_H
#define XSOCKET_BRIDGE_NETADDR_H

/* A socket address with its length: IPv4, IPv6 or Unix. No system calls but for interface names. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct netaddr {
	socklen_t length; /* 0: none */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

/* The longest is a Unix path of 107 bytes behind "unix:". */
#define NETADDR_TEXT_SIZE 128

/*
 * A numeric address, IPv4 or IPv6 without brackets, the latter with %INTERFACE (name or number,
 * of the namespace the caller is in) where it needs one. Returns 0 or -EINVAL; -ENODEV: there is no
 * such interface.
 */
int netaddr_parse(const char *host, uint16_t port, struct netaddr *ret);

/*
 * The address of a Unix socket: a path, or @ and an abstract name, of at most the bytes that
 * endpoint_parse() allows.
 */
struct netaddr netaddr_of_unix(const char *path);

/*
 * ADDR:PORT, [ADDR6]:PORT, [ADDR6%NUMBER]:PORT, unix:PATH, unix:@NAME, "unix" without a name, or
 * "nobody".
 */
const char *netaddr_text(const struct netaddr *address, char text[NETADDR_TEXT_SIZE]);

uint16_t netaddr_port(const struct netaddr *address);	      /* host order; 0 for Unix */
void netaddr_set_port(struct netaddr *address, uint16_t port); /* does nothing for Unix */
bool netaddr_equal(const struct netaddr *a, const struct netaddr *b);

/* The same without their ports, IPv4-mapped addresses being IPv4 ones. False for none. */
bool netaddr_equal_host(const struct netaddr *a, const struct netaddr *b);

/*
 * Whoever is there is on this machine: loopback, Unix, or the unspecified address, which connects
 * to loopback.
 */
bool netaddr_is_local(const struct netaddr *address);

/* 0.0.0.0 or [::] */
bool netaddr_is_unspecified(const struct netaddr *address);

/* An IPv4-mapped IPv6 address becomes the IPv4 address it stands for; others stay. */
void netaddr_unmap(struct netaddr *address);

/* IPv4 becomes IPv4-mapped, as a dual-stack socket wants it. Others stay. */
void netaddr_map(struct netaddr *address);

#endif
