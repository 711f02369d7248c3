/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_INTAKE_H
#define XSOCKET_BRIDGE_INTAKE_H

/* Datagrams, many at a time (recvmmsg(2)), with what the kernel tells about them. */

#include "bridge/netaddr.h"

#include <stddef.h>

#define INTAKE_MAX 64
/* All of UDP: pktinfo of both families, UDP_GRO, TOS and TTL. */
#define INTAKE_CONTROL 192

struct intake {
	unsigned char *buffer;
	struct mmsghdr msgs[INTAKE_MAX];
	struct iovec iovs[INTAKE_MAX];
	struct netaddr names[INTAKE_MAX]; /* without length */
	_Alignas(struct cmsghdr) unsigned char controls[INTAKE_MAX][INTAKE_CONTROL];
	int next[INTAKE_MAX]; /* for the user: the next one of the same session, or -1 */
	int used;	      /* how many the last call has received */
	int asked;	      /* how many it would have: fewer where they are large */
	bool large, quiet;    /* see intake_trim() */
};

/* What comes with a datagram. */
struct intake_info {
	unsigned segment; /* it is several of this size, the last may be shorter; 0: one */
	uint8_t tos, ttl; /* 0: not told */
	struct in6_addr local; /* to reply from; IPv4 as IPv4-mapped; :: where it is not told */
	uint32_t interface;    /* where it came in; 0: not told */
};

/* Returns NULL for want of memory. */
struct intake *intake_new(void);
void intake_free(struct intake *intake);

/*
 * Receives what is there, at most INTAKE_MAX, without waiting; fewer while they are large. None is
 * ever cut short. Returns how many, or a negative errno.
 */
int intake_receive(struct intake *intake, int fd);

/* Whether there may be more: the last call has received as many as it could. */
static inline bool intake_is_full(const struct intake *intake)
{
	return intake->used == intake->asked;
}

static inline const unsigned char *intake_data(const struct intake *intake, int i)
{
	return intake->iovs[i].iov_base;
}

static inline size_t intake_length(const struct intake *intake, int i)
{
	return intake->msgs[i].msg_len;
}

/* What the kernel told about a datagram. */
void intake_info(const struct intake *intake, int i, struct intake_info *ret);

/* Who sent it; valid until the next intake_receive(). */
static inline const struct netaddr *intake_sender(const struct intake *intake, int i)
{
	return &intake->names[i];
}

/*
 * To be called now and then: when nothing was received since the last time, memory that large
 * datagrams have used is given back to the kernel.
 */
void intake_trim(struct intake *intake);

#endif
