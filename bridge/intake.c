/* SPDX-License-Identifier: MIT */
/*
 * A datagram may have 64 KiB, and with UDP_GRO so may several of them that are received as one:
 * each has as much room, so that none is ever cut short. What small ones do not touch costs no
 * memory. Slots do not begin at the same place of a page: they would all compete for the same lines
 * of the CPU's cache.
 */
#include "bridge/intake.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLOT_ROOM (64 * 1024)
#define SLOT_STEP (SLOT_ROOM + 192)
#define SLOT_SMALL (4 * 1024)
#define BATCH_SIZE (512 * 1024) /* of bytes that are sent while they are still in the CPU's cache */
#define BATCH_MIN  4
#define SLOTS_SIZE ((size_t)INTAKE_MAX * SLOT_STEP)

/* Makes a slot as recvmmsg(2) expects it. */
static void prepare(struct intake *intake, int i)
{
	struct msghdr *msg = &intake->msgs[i].msg_hdr;

	msg->msg_namelen = sizeof(intake->names[i].in6);
	msg->msg_controllen = INTAKE_CONTROL;
}

struct intake *intake_new(void)
{
	struct intake *intake = calloc(1, sizeof(*intake));

	if (!intake)
		return NULL;
	intake->buffer = mmap(NULL, SLOTS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	if (intake->buffer == MAP_FAILED) {
		free(intake);
		return NULL;
	}
	/* a huge page would be all there at the first byte */
	madvise(intake->buffer, SLOTS_SIZE, MADV_NOHUGEPAGE);
	for (int i = 0; i < INTAKE_MAX; i++) {
		struct msghdr *msg = &intake->msgs[i].msg_hdr;

		intake->iovs[i] = (struct iovec){intake->buffer + (size_t)i * SLOT_STEP, SLOT_ROOM};
		msg->msg_iov = &intake->iovs[i];
		msg->msg_iovlen = 1;
		msg->msg_name = &intake->names[i].sa;
		msg->msg_control = intake->controls[i];
		prepare(intake, i);
	}
	return intake;
}

void intake_free(struct intake *intake)
{
	if (!intake)
		return;
	munmap(intake->buffer, SLOTS_SIZE);
	free(intake);
}

/* How many of the size that the last ones had. */
static int ask_for(const struct intake *intake, size_t bytes)
{
	size_t n = bytes ? (size_t)intake->used * BATCH_SIZE / bytes : INTAKE_MAX;

	return n < BATCH_MIN ? BATCH_MIN : n < INTAKE_MAX ? (int)n : INTAKE_MAX;
}

int intake_receive(struct intake *intake, int fd)
{
	size_t bytes = 0;
	int n;

	for (int i = 0; i < intake->used; i++) {
		bytes += intake_length(intake, i);
		prepare(intake, i);
	}
	intake->asked = ask_for(intake, bytes);
	n = recvmmsg(fd, intake->msgs, (unsigned)intake->asked, MSG_DONTWAIT, NULL);
	if (n < 0) {
		intake->used = 0;
		return -errno;
	}
	intake->used = n;
	intake->quiet = false;
	for (int i = 0; i < n && !intake->large; i++)
		intake->large = intake_length(intake, i) > SLOT_SMALL;
	return n;
}

void intake_trim(struct intake *intake)
{
	if (intake->quiet && intake->large) {
		madvise(intake->buffer, SLOTS_SIZE, MADV_DONTNEED);
		intake->large = false;
	}
	intake->quiet = true;
}

static void tell_ipv4(const struct cmsghdr *cmsg, struct intake_info *ret)
{
	struct in_pktinfo pktinfo;
	int number;

	switch (cmsg->cmsg_type) {
	case IP_PKTINFO:
		memcpy(&pktinfo, CMSG_DATA(cmsg), sizeof(pktinfo));
		/* Not ipi_addr, which is that of a broadcast: nobody can reply from there. */
		ret->local = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
		memcpy(ret->local.s6_addr + 12, &pktinfo.ipi_spec_dst, 4);
		ret->interface = (uint32_t)pktinfo.ipi_ifindex;
		break;
	case IP_TOS:
		ret->tos = *CMSG_DATA(cmsg);
		break;
	case IP_TTL:
		memcpy(&number, CMSG_DATA(cmsg), sizeof(number));
		ret->ttl = (uint8_t)number;
		break;
	}
}

static void tell_ipv6(const struct cmsghdr *cmsg, struct intake_info *ret)
{
	struct in6_pktinfo pktinfo;
	int number;

	switch (cmsg->cmsg_type) {
	case IPV6_PKTINFO:
		memcpy(&pktinfo, CMSG_DATA(cmsg), sizeof(pktinfo));
		/* Of IPv4 the other message tells more. */
		if (IN6_IS_ADDR_V4MAPPED(&pktinfo.ipi6_addr))
			break;
		if (!IN6_IS_ADDR_MULTICAST(&pktinfo.ipi6_addr))
			ret->local = pktinfo.ipi6_addr;
		ret->interface = pktinfo.ipi6_ifindex;
		break;
	case IPV6_TCLASS:
		memcpy(&number, CMSG_DATA(cmsg), sizeof(number));
		ret->tos = (uint8_t)number;
		break;
	case IPV6_HOPLIMIT:
		memcpy(&number, CMSG_DATA(cmsg), sizeof(number));
		ret->ttl = (uint8_t)number;
		break;
	}
}

void intake_info(const struct intake *intake, int i, struct intake_info *ret)
{
	struct msghdr *msg = (struct msghdr *)&intake->msgs[i].msg_hdr;
	int segment;

	memset(ret, 0, sizeof(*ret));
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP) {
			tell_ipv4(cmsg, ret);
		} else if (cmsg->cmsg_level == IPPROTO_IPV6) {
			tell_ipv6(cmsg, ret);
		} else if (cmsg->cmsg_level == IPPROTO_UDP && cmsg->cmsg_type == UDP_GRO) {
			memcpy(&segment, CMSG_DATA(cmsg), sizeof(segment));
			ret->segment = (unsigned)segment;
		}
	}
}
