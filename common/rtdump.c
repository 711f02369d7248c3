/* SPDX-License-Identifier: MIT */
/*
 * A dump comes in several datagrams, each with some messages, up to NLMSG_DONE. Where interfaces or
 * addresses change meanwhile, one may be missing or there twice: the kernel then marks the messages
 * that follow (NLM_F_DUMP_INTR), and all of it has to be asked for again, after the end.
 *
 * The length of a datagram is looked at before it is received, so that none is cut off. What is
 * not wanted of it is closed up, so that in the end there are wanted messages only.
 */
#include "common/rtdump.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#ifndef ANSWER_MS
#define ANSWER_MS 5000 /* the kernel has answered by the time the request is sent */
#endif
#define FIRST_SIZE	 (64u << 10) /* more than the kernel ever puts into a datagram of a dump */
#define SIZE_MAX_ALLOWED (64u << 20) /* some 40000 interfaces */

/* Makes room for so many bytes behind what is there. */
static int make_room(struct rtdump *dump, size_t wanted)
{
	size_t size = dump->size ? dump->size : FIRST_SIZE;
	void *bytes;

	while (size - dump->length < wanted && size < SIZE_MAX_ALLOWED)
		size *= 2;
	if (size - dump->length < wanted)
		return -ENOMEM;
	if (size == dump->size)
		return 0;
	if (dump->size)
		bytes = mremap(dump->bytes, dump->size, size, MREMAP_MAYMOVE);
	else
		bytes = mmap(
			NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return -ENOMEM;
	dump->bytes = bytes;
	dump->size = size;
	return 0;
}

void rtdump_free(struct rtdump *dump)
{
	if (dump->size)
		munmap(dump->bytes, dump->size);
	*dump = (struct rtdump){0};
}

static int ask(int fd, int type, uint32_t sequence)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg family;
		char padding[3];
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			.nlmsg_type = (uint16_t)type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = sequence},
		.family = {.rtgen_family = AF_UNSPEC},
	};

	/* Without an address it goes to the kernel. */
	while (send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* Returns the length of what recvmsg(2) would receive, or receives it. */
static int receive(int fd, struct msghdr *message, int flags)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	for (;;) {
		ssize_t length = recvmsg(fd, message, flags | MSG_DONTWAIT | MSG_TRUNC);

		if (length >= 0)
			return length > (ssize_t)SIZE_MAX_ALLOWED ? -EPROTO : (int)length;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		if (poll(&readable, 1, ANSWER_MS) == 0)
			return -ETIMEDOUT;
	}
}

/* Receives the next datagram behind what there is. Returns its length; 0: it is not the kernel's.
 */
static int receive_next(struct rtdump *dump, int fd)
{
	struct sockaddr_nl sender = {.nl_pid = 0};
	struct iovec room = {.iov_base = NULL};
	struct msghdr message = {.msg_iov = &room, .msg_iovlen = 1};
	int length = receive(fd, &message, MSG_PEEK), r;

	if (length <= 0)
		return length < 0 ? length : -EPROTO;
	r = make_room(dump, (size_t)NLMSG_ALIGN((unsigned)length));
	if (r < 0)
		return r;
	room = (struct iovec){dump->bytes + dump->length, dump->size - dump->length};
	message = (struct msghdr){.msg_iov = &room,
		.msg_iovlen = 1,
		.msg_name = &sender,
		.msg_namelen = sizeof(sender)};
	length = receive(fd, &message, 0);
	if (length < 0)
		return length;
	if ((size_t)length > room.iov_len || (message.msg_flags & MSG_TRUNC))
		return -EPROTO;
	return message.msg_namelen >= sizeof(sender) && sender.nl_pid != 0 ? 0 : length;
}

/* What a dump is asked for, and how it goes. */
struct progress {
	uint32_t sequence;
	uint16_t wanted; /* type of the messages */
	bool changed, done;
};

static int take_message(
	struct rtdump *dump, const struct rtnl_message *message, struct progress *progress)
{
	if (message->sequence != progress->sequence)
		return 0;
	if (message->flags & NLM_F_DUMP_INTR)
		progress->changed = true;
	if (message->type == progress->wanted) {
		memmove(dump->bytes + dump->length, message->whole.bytes, message->whole.length);
		dump->length += NLMSG_ALIGN(message->whole.length);
		return 0;
	}
	progress->done = message->type == NLMSG_DONE;
	if (message->type == NLMSG_OVERRUN)
		return -ENOBUFS;
	return progress->done || message->type == NLMSG_ERROR ? rtnl_error(message) : 0;
}

/* Takes the wanted messages in. What is behind the last one makes no sense. */
static int take_datagram(struct rtdump *dump, size_t length, struct progress *progress)
{
	struct rtnl_span left = {dump->bytes + dump->length, length};
	struct rtnl_message message;

	while (!progress->done && rtnl_next(&left, &message)) {
		int r = take_message(dump, &message, progress);

		if (r < 0)
			return r;
	}
	return left.length > 0 && !progress->done ? -EPROTO : 0;
}

int rtdump_ask(struct rtdump *dump, int fd, int type)
{
	struct progress progress = {
		.sequence = ++dump->sequence,
		.wanted = type == RTM_GETLINK ? RTM_NEWLINK : RTM_NEWADDR,
	};
	int r = ask(fd, type, progress.sequence);

	dump->length = 0;
	while (r >= 0 && !progress.done) {
		r = receive_next(dump, fd);
		if (r > 0)
			r = take_datagram(dump, (size_t)r, &progress);
	}
	return r < 0 ? r : progress.changed ? -EAGAIN : 0;
}
