/* SPDX-License-Identifier: MIT */
/*
 * A message is one or more datagrams of one size, of which the last may be shorter: what the kernel
 * takes apart at the latest possible place, so that most of the way is gone once for all of them.
 * On the way to a socket without UDP_GRO that is where it is received, in order, each by itself.
 *
 * The kernel refuses a message where a datagram is larger than the route's MTU (EINVAL, or EMSGSIZE
 * since 6.14), the device cannot do checksums (EIO), or all of it is too long (EMSGSIZE). Then its
 * datagrams are sent one by one, and the route takes no such size again.
 */
#include "bridge/gso.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#define SEGMENTS_MAX 64	   /* UDP_MAX_SEGMENTS; 128 since kernel 6.9 */
#define LENGTH_MAX   65507 /* 65535 without headers of IPv4 and UDP */

/* What is tried when the kernel has refused a larger size: by usual MTUs, less 48 bytes. */
static const uint16_t sizes[] = {32000, 8952, 1452, 1372, 1232, 952, 528};

static const struct gso_result no_result;

void gso_begin(struct gso *gso, const struct gso_route *route)
{
	gso->route = *route;
	gso->result = no_result;
	gso->n = gso->n_pieces = 0;
}

/* ---- what is sent ---- */

static unsigned segment_header(unsigned char *control, unsigned segment)
{
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	uint16_t size = (uint16_t)segment;

	memset(control, 0, CMSG_SPACE(sizeof(size)));
	cmsg->cmsg_level = IPPROTO_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
	return CMSG_SPACE(sizeof(size));
}

/* Completes the headers of the messages. */
static void finish(struct gso *gso, unsigned i)
{
	const struct gso_route *route = &gso->route;
	struct msghdr *msg = &gso->msgs[i].msg_hdr;
	size_t length = route->control_length;

	msg->msg_name = route->name;
	msg->msg_namelen = route->name_length;
	msg->msg_flags = 0;
	if (gso->messages[i].count == 1) {
		msg->msg_control = (void *)route->control;
		msg->msg_controllen = length;
		return;
	}
	if (length > 0)
		memcpy(gso->controls[i], route->control, length);
	length += segment_header(gso->controls[i] + length, gso->messages[i].segment);
	msg->msg_control = gso->controls[i];
	msg->msg_controllen = length;
}

static void count_sent(struct gso *gso, const struct gso_message *message)
{
	gso->result.bytes += message->payload;
	gso->result.sent += message->count;
}

static bool is_for_want_of_room(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

/* An error of an earlier datagram is reported once, and what it is reported to was not sent. */
static bool is_old_news(int error)
{
	return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH ||
		error == EACCES || error == ENOPROTOOPT || error == EPROTO || error == EMSGSIZE ||
		error == EOPNOTSUPP || error == EHOSTDOWN || error == ENONET;
}

static ssize_t send_again(struct gso *gso, const struct msghdr *msg)
{
	for (int tries = 0;; tries++) {
		ssize_t r = sendmsg(gso->route.fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r >= 0 || (errno != EINTR && !is_old_news(errno)) || tries == 2)
			return r;
		if (errno != EINTR)
			gso->result.error = -errno;
	}
}

/* The next so many bytes of pieces: as pieces. Returns how many. */
static unsigned cut(const struct iovec **from, size_t *offset, size_t length, struct iovec *to)
{
	unsigned n = 0;

	while (length > 0) {
		size_t size = (*from)->iov_len - *offset;

		if (size > length)
			size = length;
		to[n++] = (struct iovec){(unsigned char *)(*from)->iov_base + *offset, size};
		length -= size;
		*offset += size;
		if (*offset == (*from)->iov_len) {
			(*from)++;
			*offset = 0;
		}
	}
	return n;
}

/* Sends the datagrams of a message one by one. */
static void send_apart(struct gso *gso, unsigned i)
{
	const struct gso_message *message = &gso->messages[i];
	const struct iovec *piece = gso->msgs[i].msg_hdr.msg_iov;
	struct msghdr msg = gso->msgs[i].msg_hdr;
	size_t offset = 0, left = message->length;
	struct iovec pieces[4]; /* a header, and data in one piece */

	msg.msg_control = (void *)gso->route.control;
	msg.msg_controllen = gso->route.control_length;
	msg.msg_iov = pieces;
	while (left > 0) {
		size_t size = left < message->segment ? left : message->segment;

		msg.msg_iovlen = cut(&piece, &offset, size, pieces);
		left -= size;
		if (send_again(gso, &msg) >= 0) {
			gso->result.bytes += size - gso->route.header_length;
			gso->result.sent++;
		} else {
			gso->result.dropped++;
		}
	}
}

static void forbid(uint16_t *largest, unsigned segment, int error)
{
	uint16_t size = 0;

	for (unsigned i = sizeof(sizes) / sizeof(sizes[0]); error != EIO && i-- > 0;)
		size = sizes[i] < segment ? sizes[i] : size;
	if (size < *largest)
		*largest = size;
}

/* A message that could not be sent. */
static void fail(struct gso *gso, unsigned i, int error)
{
	const struct gso_message *message = &gso->messages[i];

	if (message->count > 1 && (error == EMSGSIZE || error == EINVAL || error == EIO)) {
		forbid(gso->route.largest, message->segment, error);
		send_apart(gso, i);
		return;
	}
	if (!is_for_want_of_room(error) && is_old_news(error)) {
		gso->result.error = -error;
		if (send_again(gso, &gso->msgs[i].msg_hdr) >= 0) {
			count_sent(gso, message);
			return;
		}
	}
	gso->result.dropped += message->count;
}

static void send_all(struct gso *gso)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < gso->n; i++)
		finish(gso, i);
	while (sent < gso->n) {
		int n = sendmmsg(gso->route.fd, gso->msgs + sent, gso->n - sent,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		for (int i = 0; i < n; i++)
			count_sent(gso, &gso->messages[sent++]);
		if (n >= 0 || errno == EINTR)
			continue;
		fail(gso, sent, errno);
		sent++;
	}
	gso->n = gso->n_pieces = 0;
}

struct gso_result gso_flush(struct gso *gso)
{
	send_all(gso);
	return gso->result;
}

/* ---- what is added ---- */

static void add_piece(struct gso *gso, const void *data, size_t length)
{
	gso->pieces[gso->n_pieces++] = (struct iovec){(void *)data, length};
	gso->msgs[gso->n - 1].msg_hdr.msg_iovlen++;
}

static void begin_message(struct gso *gso, unsigned segment)
{
	struct msghdr *msg = &gso->msgs[gso->n].msg_hdr;

	gso->messages[gso->n++] = (struct gso_message){.segment = segment};
	msg->msg_iov = &gso->pieces[gso->n_pieces];
	msg->msg_iovlen = 0;
}

/* Whether datagrams of this size can go behind those of the last message. */
static bool fits(const struct gso *gso, size_t size, size_t segment, size_t length, unsigned count)
{
	const struct gso_message *last = gso->n > 0 ? &gso->messages[gso->n - 1] : NULL;

	if (!last || last->closed || last->segment > *gso->route.largest)
		return false;
	if (count > 1 ? segment != last->segment : size > last->segment)
		return false;
	return last->count + count <= SEGMENTS_MAX && last->length + length <= LENGTH_MAX;
}

/* One run of datagrams of one size, with their headers, of which the last may be shorter. */
static void add_run(struct gso *gso, const unsigned char *data, size_t length, size_t segment)
{
	size_t header = gso->route.header_length;
	unsigned count = segment ? (unsigned)((length + segment - 1) / segment) : 1;
	unsigned needed = header ? 2 * count : 1;
	size_t size = (segment ? segment : length) + header, all = length + count * header;
	struct gso_message *message;

	if (gso->n == GSO_MESSAGES || gso->n_pieces + needed > GSO_PIECES)
		send_all(gso);
	if (length == 0 || !fits(gso, size, size, all, count))  {
		if (gso->n == GSO_MESSAGES)
			send_all(gso);
		begin_message(gso, (unsigned)size);
	}
	message = &gso->messages[gso->n - 1];
	if (!header)
		add_piece(gso, data, length);
	for (size_t done = 0, n = 0; header && n < count; n++) {
		size_t one = length - done < segment || !segment ? length - done : segment;

		add_piece(gso, gso->route.header, header);
		add_piece(gso, data + done, one);
		done += one;
	}
	message->count += count;
	message->length += (unsigned)all;
	message->payload += (unsigned)length;
	/* the next one begins where this one ends only if this one is whole */
	message->closed = length == 0 || all % size != 0 || message->segment != size;
}

/* How many datagrams of this size can be in one message, with their headers. */
static size_t most_of(const struct gso *gso, size_t size)
{
	size_t most = LENGTH_MAX / size;

	if (size > *gso->route.largest || most == 0)
		return 1;
	return most < SEGMENTS_MAX ? most : SEGMENTS_MAX;
}

void gso_add(struct gso *gso, const void *data, size_t length, unsigned segment)
{
	size_t header = gso->route.header_length, most, count;
	const unsigned char *next = data;

	if (segment == 0 || segment >= length) {
		add_run(gso, next, length, 0);
		return;
	}
	/* Where it is too much, or cannot be joined, in as many parts as it takes. */
	count = (length + segment - 1) / segment;
	most = most_of(gso, segment + header);
	if (most > 1 && count <= SEGMENTS_MAX && length + count * header <= LENGTH_MAX)
		most = count;
	while (length > 0) {
		size_t part = length < most * segment ? length : most * segment;

		add_run(gso, next, part, most == 1 ? 0 : segment);
		next += part;
		length -= part;
	}
}
