/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_FDPASS_H
#define XSOCKET_COMMON_FDPASS_H

/*
 * One packet with descriptors, out of and into a Unix socket (SCM_RIGHTS, unix(7)).
 *
 * Sending borrows the descriptors. Receiving owns them until it returns them: each comes
 * close-on-exec from birth (MSG_CMSG_CLOEXEC), each that was not asked for is closed here, and on
 * any error none is left behind.
 */

#include <stddef.h>
#include <sys/types.h>

/* The kernel's SCM_MAX_FD: one more and sendmsg(2) fails with EINVAL. */
#define FDPASS_MAX 253u

/*
 * Sends one packet. flags as in sendmsg(2); MSG_NOSIGNAL is always added.
 *
 * Returns 0, or the negative errno of sendmsg(2): -EAGAIN when it would block, -EPIPE when the
 * peer is gone, -ETOOMANYREFS when the sender's user has too many descriptors in flight.
 */
int fdpass_send(int sock, const void *packet, size_t size, const int *fds, unsigned count, int flags);

/*
 * What was received: `size` bytes (0: end of file, packets are never empty here) and `count`
 * descriptors, owned by the caller.
 */
struct fdpass_packet {
	size_t size;
	unsigned count;
};

/*
 * Receives up to `n` packets, packet i into buffers[i] (of buffer_size bytes). Only the first may
 * carry descriptors, up to max of them into fds. flags as in recvmsg(2); more than one packet is
 * taken only as far as they are already there.
 *
 * Returns how many packets were received, or a negative errno: that of recvmsg(2) (-EAGAIN when a
 * receive timeout ran out), -EMSGSIZE when a packet was longer than its buffer, -EPROTO when a
 * packet carried more descriptors than it may, -EMFILE when descriptors were lost because the
 * process has no number left for them (the kernel then hands over a part, and says MSG_CTRUNC).
 */
int fdpass_receive(int sock, void *const *buffers, size_t buffer_size,
	struct fdpass_packet *packets, unsigned n, int *fds, unsigned max, int flags);

#endif
