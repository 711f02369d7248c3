/* SPDX-License-Identifier: MIT */
#include "common/fdpass.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Packets taken by one call; a request is answered by two (docs/PROTOCOL.md). */
#define PACKETS_MAX 2

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * FDPASS_MAX)];
};

/* sendmsg(2). That of musl copies the control message, and refuses that of 253 descriptors. */
static ssize_t send_control(int sock, const struct msghdr *msg, int flags)
{
#ifdef __GLIBC__
	return sendmsg(sock, msg, flags);
#else
	return syscall(SYS_sendmsg, sock, msg, flags);
#endif
}

int fdpass_send(
	int sock, const void *packet, size_t size, const int *fds, unsigned count, int flags)
{
	struct iovec iov = {.iov_base = (void *)packet, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control;

	if (count > FDPASS_MAX)
		return -EINVAL;
	if (count == 0)
		return send(sock, packet, size, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
	control.align = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int) * count),
	};
	memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * count);
	msg.msg_control = control.bytes;
	msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
	return send_control(sock, &msg, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/*
 * The descriptors of a message. Our own sockets ask for no other ancillary data, so the first
 * header is the only one that can be there.
 */
static unsigned control_fds(const struct msghdr *msg, const int **ret_fds)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return 0;
	*ret_fds = (const int *)CMSG_DATA(cmsg);
	return (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

static int receive_check(const struct msghdr *msg, unsigned count, unsigned max)
{
	if (msg->msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	if (count > max)
		return -EPROTO;
	if (msg->msg_flags & MSG_CTRUNC)
		return max > 0 ? -EMFILE : -EPROTO;
	return 0;
}

int fdpass_receive(int sock, void *const *buffers, size_t buffer_size,
	struct fdpass_packet *packets, unsigned n, int *fds, unsigned max, int flags)
{
	struct mmsghdr msgs[PACKETS_MAX] = {0};
	struct iovec iovs[PACKETS_MAX];
	union control control;
	const int *received_fds = NULL;
	unsigned received_count;
	int received, r = 0;

	if (n == 0 || n > PACKETS_MAX || max > FDPASS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		iovs[i] = (struct iovec){.iov_base = buffers[i], .iov_len = buffer_size};
		msgs[i].msg_hdr.msg_iov = &iovs[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	/*
	 * Without a control buffer the kernel drops a peer's descriptors before they get a number
	 * here, and says so by MSG_CTRUNC. With one it is always of full size: too small a buffer
	 * would look the same as a full descriptor table.
	 */
	if (max > 0) {
		msgs[0].msg_hdr.msg_control = control.bytes;
		msgs[0].msg_hdr.msg_controllen = sizeof(control.bytes);
	}

	received = recvmmsg(sock, msgs, n, flags | MSG_CMSG_CLOEXEC | MSG_WAITFORONE, NULL);
	if (received < 0)
		return -errno;

	received_count = max > 0 ? control_fds(&msgs[0].msg_hdr, &received_fds) : 0;
	for (int i = 0; i < received && r == 0; i++)
		r = receive_check(&msgs[i].msg_hdr, i == 0 ? received_count : 0, i == 0 ? max : 0);
	if (r < 0) {
		for (unsigned i = 0; i < received_count; i++)
			close(received_fds[i]);
		return r;
	}
	for (int i = 0; i < received; i++)
		packets[i] = (struct fdpass_packet){.size = msgs[i].msg_len};
	if (received_count > 0)
		memcpy(fds, received_fds, sizeof(int) * received_count);
	packets[0].count = received_count;
	return received;
}
