/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_BOUNCE_H
#define XSOCKET_BRIDGE_BOUNCE_H

/* Errors of the network: those that come, and those that are passed on. See bounce.c. */

#include "bridge/netaddr.h"

#include <stddef.h>
#include <time.h>

struct place;

#define BOUNCE_QUOTE_MAX 512

/* An error that a datagram of ours has met. */
struct bounce {
	int error;	 /* errno */
	bool of_network; /* an ICMP message said so; else it is of our own machine */
	sa_family_t family; /* what type and code mean */
	uint8_t type, code;
	uint32_t mtu;	      /* EMSGSIZE */
	struct netaddr peer;  /* where the datagram was sent to */
	struct in6_addr local; /* and by which address of ours; :: where that is not told */
	uint32_t interface;
	size_t quoted; /* what it had in it */
	unsigned char quote[BOUNCE_QUOTE_MAX];
};

/* Asks for a socket's errors to be kept with details (IP_RECVERR, ip(7)). Returns 0 or -errno. */
int bounce_prepare(int fd, int family);

/*
 * The next error of a socket that was prepared. Returns 0; or a negative errno: -EAGAIN: there is
 * none.
 */
int bounce_receive(int fd, struct bounce *ret);

/* Sockets to pass errors on by; -1 where they could not be had. */
struct bounce_sockets {
	int ipv4, ipv6;
	time_t second; /* of CLOCK_MONOTONIC, in which so many were sent: */
	unsigned sent;
};

/*
 * Opens what can be opened in a place that is no broker's: needs CAP_NET_RAW there. Never waits.
 */
void bounce_open(struct bounce_sockets *sockets, struct place *place);
void bounce_close(struct bounce_sockets *sockets);

/*
 * Tells a client that its datagrams to local meet this error, as the first router on their way to
 * the target would. header: how many bytes in front of what the error quotes are not the client's.
 * Returns whether that was possible. As the kernel does with its own (icmp(7), icmp_msgs_per_sec),
 * no more than 1000 are sent in a second: addresses of clients may be forged.
 */
bool bounce_send(struct bounce_sockets *sockets, const struct bounce *bounce,
	const struct netaddr *client, const struct netaddr *local, size_t header);

#endif
