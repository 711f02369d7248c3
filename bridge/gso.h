/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_GSO_H
#define XSOCKET_BRIDGE_GSO_H

/*
 * Datagrams to one destination, sent many at a time: by sendmmsg(2), and those of one size joined
 * for the kernel to take apart (UDP_SEGMENT, udp(7), kernel 4.18). See gso.c.
 */

#include "bridge/netaddr.h"

#include <stddef.h>

#define GSO_MESSAGES 64
#define GSO_PIECES   512
#define GSO_CONTROL  128 /* pktinfo, TOS and UDP_SEGMENT */

/* Where to, and how. Borrowed until gso_flush(). */
struct gso_route {
	int fd;
	struct sockaddr *name; /* NULL: the socket is connected */
	socklen_t name_length;
	const void *control; /* ancillary data for each message, or NULL */
	size_t control_length;
	const void *header; /* in front of each datagram, or NULL */
	size_t header_length;
	uint16_t *largest; /* what may be joined; made smaller where the kernel refuses */
};

/* At first. Headers of IP and UDP are not counted. */
#define GSO_LARGEST UINT16_MAX

struct gso_result {
	size_t bytes; /* that were sent, without headers */
	unsigned sent, dropped; /* datagrams */
	int error; /* 0, or one that was not for want of room: the error queue tells more */
};

struct gso_message {
	unsigned segment;  /* the size of its datagrams, with header; the last one may be shorter */
	unsigned count;	   /* of datagrams */
	unsigned length;   /* of all of it, with headers */
	unsigned payload;  /* without headers */
	bool closed;	   /* by a datagram that is shorter than the others, or empty */
};

struct gso {
	struct gso_route route;
	struct gso_result result;
	unsigned n, n_pieces;
	struct gso_message messages[GSO_MESSAGES];
	struct mmsghdr msgs[GSO_MESSAGES];
	struct iovec pieces[GSO_PIECES];
	_Alignas(struct cmsghdr) unsigned char controls[GSO_MESSAGES][GSO_CONTROL];
};

void gso_begin(struct gso *gso, const struct gso_route *route);

/*
 * Adds a datagram, or several in one piece: of segment bytes each, the last may be shorter
 * (UDP_GRO). segment 0: it is one. data is borrowed until gso_flush().
 */
void gso_add(struct gso *gso, const void *data, size_t length, unsigned segment);

/* Sends all that was added, in order, without waiting. What has no room is dropped. */
struct gso_result gso_flush(struct gso *gso);

#endif
