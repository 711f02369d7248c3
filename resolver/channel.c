/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo(3) asks from the namespace the process is in. So this has c-ares, which takes the
 * functions that make and use its sockets from us: every message, also one by TCP after a truncated
 * answer, goes through a socket of the source.
 *
 * Left to itself c-ares reads this machine's resolv.conf, nsswitch.conf and hosts, and looks into
 * the environment. It is told all of that instead, and to read /dev/null for the rest.
 *
 * A channel lives for one look-up: a change of resolv.conf is seen, and a child after fork(2) finds
 * none that its parent uses, too.
 */
#include "resolver/channel.h"

#include "resolver/cares.h"
#include "resolver/direct.h"
#include "resolver/message.h"

#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PORT	  53
#define RECEIVES  64   /* before it is looked at the clock */
#define EDNS_SIZE 1200 /* glibc's, too: no router on the way has to cut it into pieces */

struct channel {
	struct channel_options options;
	const struct cares *cares;
	ares_channel ares;
	int open_error;	   /* of the last socket that could not be made */
	unsigned waiting;  /* for so many answers */
	unsigned received; /* since poll(2) */
	bool late;
	bool told_nothing; /* a server answered, and not with records */
};

/* ---- sockets for c-ares; all of these fail by -1 and errno ---- */

static ares_socket_t socket_open(int domain, int type, int protocol, void *data)
{
	struct channel *channel = data;
	const struct resolver_source *source = channel->options.source;
	int fd = -ETIMEDOUT;

	if (clock_ms(CLOCK_MONOTONIC) < channel->options.deadline)
		fd = source->socket(source->data, domain, type, protocol);
	if (fd >= 0)
		return fd;
	if (fd != -EAFNOSUPPORT) /* an address of a kind that is not there: others are */
		channel->open_error = fd;
	errno = -fd;
	return -1;
}

static int socket_close(ares_socket_t fd, void *data)
{
	return close(fd);
}

/*
 * c-ares 1.18 has no room for the number of an interface in the address of a server, and later ones
 * look for its name in this process's namespace. So a server on a link has another address for it,
 * of those that nobody has (RFC 3849): 2001:db8::N.
 */
static struct in6_addr stand_in(unsigned i)
{
	return (struct in6_addr){
		.s6_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = (unsigned char)(i + 1)}};
}

static bool is_on_a_link(const struct resolvconf_server *server)
{
	return server->family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&server->address.in6);
}

static int socket_connect(
	ares_socket_t fd, const struct sockaddr *address, ares_socklen_t length, void *data)
{
	const struct channel *channel = data;
	const struct resolvconf *conf = channel->options.conf;
	struct sockaddr_in6 in6;

	if (address->sa_family != AF_INET6 || length < sizeof(in6))
		return direct_connect(fd, address, length);
	memcpy(&in6, address, sizeof(in6));
	for (unsigned i = 0; i < conf->n_servers; i++) {
		struct in6_addr other = stand_in(i);

		if (is_on_a_link(&conf->servers[i]) && IN6_ARE_ADDR_EQUAL(&other, &in6.sin6_addr)) {
			in6.sin6_addr = conf->servers[i].address.in6;
			in6.sin6_scope_id = channel->options.scopes[i];
			break;
		}
	}
	return direct_connect(fd, (struct sockaddr *)&in6, sizeof(in6));
}

/* The other way round: whom an answer is from. */
static void replace_sender(const struct channel *channel, struct sockaddr *address)
{
	const struct resolvconf *conf = channel->options.conf;
	struct sockaddr_in6 in6;

	if (!address || address->sa_family != AF_INET6)
		return;
	memcpy(&in6, address, sizeof(in6));
	for (unsigned i = 0; i < conf->n_servers; i++) {
		if (!is_on_a_link(&conf->servers[i]) ||
			!IN6_ARE_ADDR_EQUAL(&conf->servers[i].address.in6, &in6.sin6_addr))
			continue;
		in6.sin6_addr = stand_in(i);
		in6.sin6_scope_id = 0;
		memcpy(address, &in6, sizeof(in6));
		return;
	}
}

static ares_ssize_t socket_receive(ares_socket_t fd, void *buffer, size_t size, int flags,
	struct sockaddr *address, ares_socklen_t *length, void *data)
{
	struct channel *channel = data;
	ares_ssize_t n;

	/* c-ares reads as long as there is something, and who sends faster would keep it busy */
	if (channel->received++ >= RECEIVES) {
		errno = EAGAIN;
		return -1;
	}
	n = recvfrom(fd, buffer, size, flags, address, length);
	if (n >= 0)
		replace_sender(channel, address);
	/* 1.18 makes no difference between a server that fails and one that is not there */
	if (n >= MESSAGE_HEADER && message_outcome(buffer, (int)n) != OUTCOME_FOUND)
		channel->told_nothing = true;
	return n;
}

static ares_ssize_t socket_send(ares_socket_t fd, const struct iovec *parts, int n, void *data)
{
	struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)n};
	ssize_t r = sendmsg(fd, &message, MSG_NOSIGNAL);

	/*
	 * That nobody is there is told once, and here it is about the query before this one. c-ares
	 * would take it for this one's, and wait for an answer to the other.
	 */
	if (r < 0 && errno == ECONNREFUSED)
		r = sendmsg(fd, &message, MSG_NOSIGNAL);
	return r;
}

static const struct ares_socket_functions functions = {
	.asocket = socket_open,
	.aclose = socket_close,
	.aconnect = socket_connect,
	.arecvfrom = socket_receive,
	.asendv = socket_send,
};

/* ---- */

bool channel_possible(void)
{
	return cares_get() != NULL;
}

static int set_servers(struct channel *channel)
{
	const struct resolvconf *conf = channel->options.conf;
	/* where resolv.conf names none it is this one, for glibc as well */
	const struct resolvconf_server own = {
		.family = AF_INET, .address.in.s_addr = htonl(INADDR_LOOPBACK)};
	const struct resolvconf_server *servers = conf->n_servers ? conf->servers : &own;
	unsigned n = conf->n_servers ? conf->n_servers : 1, first = 0;
	struct ares_addr_port_node nodes[RESOLVCONF_SERVERS] = {0};

	/* in turn, as far as that is possible for who keeps nothing */
	if (conf->rotate)
		first = (unsigned)(clock_ms(CLOCK_MONOTONIC) % n);
	for (unsigned i = 0; i < n; i++) {
		const struct resolvconf_server *server = &servers[(first + i) % n];

		nodes[i].next = i + 1 < n ? &nodes[i + 1] : NULL;
		nodes[i].family = server->family;
		memcpy(&nodes[i].addr, &server->address, sizeof(nodes[i].addr));
		if (is_on_a_link(server)) {
			struct in6_addr other = stand_in((first + i) % n);

			memcpy(&nodes[i].addr, &other, sizeof(other));
		}
		nodes[i].udp_port = nodes[i].tcp_port = PORT;
	}
	return channel->cares->set_servers_ports(channel->ares, nodes) == ARES_SUCCESS ? 0
										       : -ENOMEM;
}

/* c-ares writes to none of these strings. */
static int open_channel(struct channel *channel)
{
	const struct resolvconf *conf = channel->options.conf;
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
			 (conf->use_vc ? ARES_FLAG_USEVC : 0) | (conf->edns0 ? ARES_FLAG_EDNS : 0),
		.timeout = (int)channel->options.timeout_ms,
		.tries = (int)channel->options.tries,
		.ndots = 1,
		.ednspsz = EDNS_SIZE,
		.lookups = (char *)"b", /* DNS only */
		.resolvconf_path = (char *)"/dev/null",
	};

	if (channel->cares->init_options(&channel->ares, &options,
		    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
			    ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF |
			    ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST |
			    ARES_OPT_NOROTATE) != ARES_SUCCESS)
		return -ENOMEM;
	channel->cares->set_socket_functions(channel->ares, &functions, channel);
	return set_servers(channel);
}

int channel_new(const struct channel_options *options, struct channel **ret)
{
	struct channel *channel;
	int r;

	if (!channel_possible())
		return -EOPNOTSUPP;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return -ENOMEM;
	channel->options = *options;
	channel->cares = cares_get();
	r = open_channel(channel);
	if (r < 0) {
		channel_free(channel);
		return r;
	}
	*ret = channel;
	return 0;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	if (channel->ares)
		channel->cares->destroy(channel->ares);
	free(channel);
}

int channel_error(const struct channel *channel)
{
	return channel->open_error;
}

/* ---- asking ---- */

struct pending {
	struct channel *channel;
	struct channel_query *query;
};

static enum channel_status status_of(const struct channel *channel, int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return CHANNEL_ANSWERED;
	case ARES_ETIMEOUT:
		return CHANNEL_TIMEOUT;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return channel->late ? CHANNEL_TIMEOUT : CHANNEL_CANCELLED;
	case ARES_ESERVFAIL:
	case ARES_EREFUSED:
	case ARES_ENOTIMP:
		return CHANNEL_FAILED;
	case ARES_ENOMEM:
		return CHANNEL_SYSTEM;
	case ARES_EBADQUERY:
	case ARES_EBADRESP:
	case ARES_EBADNAME:
	case ARES_EFORMERR:
		return CHANNEL_BAD;
	}
	if (channel->told_nothing)
		return CHANNEL_FAILED;
	return channel->open_error ? CHANNEL_SYSTEM : CHANNEL_REFUSED;
}

static void on_answer(void *data, int status, int timeouts, unsigned char *answer, int length)
{
	struct pending *pending = data;
	struct channel_query *query = pending->query;

	pending->channel->waiting--;
	query->status = status_of(pending->channel, status);
	/* what it says is also in the answer: some versions make an error of that, some do not */
	if (!answer || length <= 0 || status == ARES_EBADRESP)
		return;
	query->answer = malloc((size_t)length);
	if (!query->answer) {
		query->status = CHANNEL_SYSTEM;
		return;
	}
	memcpy(query->answer, answer, (size_t)length);
	query->answer_length = length;
	query->status = CHANNEL_ANSWERED;
}

/* How long there is nothing to do if nothing comes. */
static int patience(const struct channel *channel)
{
	uint64_t now = clock_ms(CLOCK_MONOTONIC), deadline = channel->options.deadline;
	struct timeval longest = {0}, buffer, *next;

	if (now >= deadline)
		return 0;
	longest.tv_sec = (time_t)((deadline - now) / 1000);
	longest.tv_usec = (suseconds_t)((deadline - now) % 1000 * 1000);
	next = channel->cares->timeout(channel->ares, &longest, &buffer);
	return (int)(next->tv_sec * 1000 + (next->tv_usec + 999) / 1000);
}

static void step(struct channel *channel)
{
	const struct cares *cares = channel->cares;
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned bits, n = 0;
	struct pollfd polls[ARES_GETSOCK_MAXNUM + 1];

	/* ares_getsock(3)'s bits: its macros shift into the sign */
	bits = (unsigned)cares->getsock(channel->ares, sockets, ARES_GETSOCK_MAXNUM);
	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = (short)((bits & (1u << i) ? POLLIN : 0) |
				       (bits & (1u << (i + ARES_GETSOCK_MAXNUM)) ? POLLOUT : 0));

		if (events)
			polls[n++] = (struct pollfd){.fd = sockets[i], .events = events};
	}
	polls[n] = (struct pollfd){.fd = channel->options.cancel, .events = POLLIN};
	if (poll(polls, n + 1, patience(channel)) < 0)
		return;
	channel->received = 0;
	channel->late = clock_ms(CLOCK_MONOTONIC) >= channel->options.deadline;
	if (polls[n].revents || channel->late) {
		cares->cancel(channel->ares);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (polls[i].revents)
			cares->process_fd(channel->ares,
				polls[i].revents & ~POLLOUT ? polls[i].fd : ARES_SOCKET_BAD,
				polls[i].revents & ~POLLIN ? polls[i].fd : ARES_SOCKET_BAD);
	}
	/* what has timed out */
	cares->process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void channel_ask(struct channel *channel, struct channel_query *queries, unsigned n)
{
	struct pending pending[CHANNEL_QUERIES];

	channel->waiting = n;
	channel->told_nothing = false;
	for (unsigned i = 0; i < n; i++) {
		pending[i] = (struct pending){.channel = channel, .query = &queries[i]};
		queries[i].answer = NULL;
		queries[i].answer_length = 0;
		channel->cares->send(channel->ares, queries[i].message, queries[i].length,
			on_answer, &pending[i]);
	}
	while (channel->waiting > 0)
		step(channel);
}

void channel_free_answer(struct channel_query *query)
{
	free(query->answer);
	query->answer = NULL;
	query->answer_length = 0;
}
