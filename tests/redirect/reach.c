/* SPDX-License-Identifier: MIT */
/*
 * Connects, sends and binds in all ways, to addresses that XREDIRECT_LOCAL has (127.1.0.0/16, and
 * ports 2000 to 2999 of 127.0.0.1 and ::1), which are served by this process's own namespace, and
 * to others, which the target serves. Bare inside the target both are the same.
 */
#include "tests/redirect/program.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>

struct place {
	int domain;
	const char *address;
	unsigned port;
	int listed;
};

static const struct place places[] = {
	{AF_INET, "127.1.2.3", 3100, 1},
	{AF_INET, "127.0.0.1", 2100, 1},
	{AF_INET, "127.0.0.1", 3101, 0},
	{AF_INET, "127.2.0.1", 2101, 0},
	{AF_INET6, "::1", 2102, 1},
	{AF_INET6, "::1", 3102, 0},
	{AF_INET6, "::ffff:127.1.2.3", 3103, 1},
	{AF_INET6, "::ffff:127.0.0.1", 3104, 0},
};

/* A server on the side that a place is on. */
static int serve(const struct place *place, int type)
{
	int fd = place->listed ? raw_socket(place->domain, type | SOCK_CLOEXEC, 0)
			       : socket(place->domain, type | SOCK_CLOEXEC, 0);
	struct sockaddr_storage address = address_of(place->domain, place->address, place->port);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	MUST(syscall(SYS_bind, fd, &address, length_of(&address)) == 0);
	MUST(type != SOCK_STREAM || listen(fd, 5) == 0);
	return fd;
}

static int is_right(const struct place *place, int fd)
{
	return place->listed ? in_process(fd) : in_target(fd);
}

static void tcp(const struct place *place, int flags)
{
	int server = serve(place, SOCK_STREAM), fd = socket(place->domain, SOCK_STREAM | flags, 0);
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	char text[8] = "";
	int peer;

	printf("-- tcp %s %u %x\n", place->address, place->port, (unsigned)flags);
	errno = EXDEV;
	SAY(connect_to(fd, place->domain, place->address, place->port));
	printf("errno: %s\n", flags & SOCK_NONBLOCK ? "" : strerrorname_np(errno));
	SAY(poll(&ready, 1, 5000));
	SAY(get_int(fd, SOL_SOCKET, SO_ERROR));
	SAY(is_right(place, fd));
	printf("flags: %x %x\n", (unsigned)fcntl(fd, F_GETFL), (unsigned)fcntl(fd, F_GETFD));
	SAY((peer = accept(server, NULL, NULL)) >= 0);
	SAY(write(fd, "hello", 5));
	SAY(read(peer, text, sizeof(text)));
	SAY(write(peer, "again", 5));
	SAY(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 5000));
	SAY(read(fd, text, sizeof(text)));
	SAY(connect_to(fd, place->domain, place->address, place->port));
	close(peer);
	close(fd);
	close(server);
}

static void print_events(int set)
{
	struct epoll_event events[4];
	int n = epoll_wait(set, events, 4, 2000);

	printf("events: %d", n);
	for (int i = 0; i < n; i++)
		printf(" %x:%llx", events[i].events, (unsigned long long)events[i].data.u64);
	printf("\n");
}

/* Options, duplicates and epoll entries, all from before it is connected. */
static void prepared(const struct place *place)
{
	int server = serve(place, SOCK_STREAM), set = epoll_create1(EPOLL_CLOEXEC), peer;
	int fd = socket(place->domain, SOCK_STREAM, 0), same = fcntl(fd, F_DUPFD_CLOEXEC, 20);
	struct epoll_event level = {.events = EPOLLIN, .data.u64 = 0x1234567890};
	struct epoll_event edge = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u64 = 0x2};
	struct linger linger = {.l_onoff = 1, .l_linger = 3};
	socklen_t length = sizeof(linger);

	printf("-- prepared %s\n", place->address);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(same, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 123);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 40000);
	set_int(fd, IPPROTO_IP, IP_TTL, 33);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &level));
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, same, &edge));
	SAY(fcntl(same, F_SETFL, O_NONBLOCK));
	connect_to(same, place->domain, place->address, place->port);
	SAY(errno == EINPROGRESS || errno == 0);
	SAY(is_right(place, fd) + is_right(place, same));
	SAY((peer = accept(server, NULL, NULL)) >= 0);
	SAY(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 5000));
	SAY(get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
	SAY(get_int(fd, IPPROTO_TCP, TCP_NODELAY));
	SAY(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE));
	SAY(get_int(fd, SOL_SOCKET, SO_SNDBUF));
	SAY(get_int(fd, IPPROTO_IP, IP_TTL));
	SAY(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length));
	printf("linger: %d %d\n", linger.l_onoff, linger.l_linger);
	printf("flags: %x %x %x\n", (unsigned)fcntl(fd, F_GETFL), (unsigned)fcntl(fd, F_GETFD),
		(unsigned)fcntl(same, F_GETFD));
	SAY(write(peer, "hello", 5));
	SAY(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 5000));
	print_events(set);
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, same, NULL));
	close_range(3, 300, 0);
}

static void fast_open(const struct place *place)
{
	int server = serve(place, SOCK_STREAM), fd = socket(place->domain, SOCK_STREAM, 0), peer;
	struct sockaddr_storage to = address_of(place->domain, place->address, place->port);
	char text[8] = "";

	printf("-- fast open %s\n", place->address);
	SAY(sendto(fd, "fast", 4, MSG_FASTOPEN, (struct sockaddr *)&to, length_of(&to)));
	SAY(is_right(place, fd));
	SAY((peer = accept(server, NULL, NULL)) >= 0);
	SAY(read(peer, text, sizeof(text)));
	close(peer);
	close(fd);
	close(server);
}

enum how { SENDTO, SENDMSG, SENDMMSG, CONNECT };

static int send_by(enum how how, int fd, const struct place *place)
{
	struct sockaddr_storage to = address_of(place->domain, place->address, place->port);
	struct iovec data = {.iov_base = (char[]){"udp"}, .iov_len = 3};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_name = &to,
					       .msg_namelen = length_of(&to),
					       .msg_iov = &data,
					       .msg_iovlen = 1}}};

	messages[1] = messages[0];
	switch (how) {
	case SENDTO:
		return (int)sendto(fd, "udp", 3, 0, (struct sockaddr *)&to, length_of(&to));
	case SENDMSG:
		return (int)sendmsg(fd, &messages[0].msg_hdr, 0);
	case SENDMMSG:
		return sendmmsg(fd, messages, 2, 0);
	default:
		if (connect(fd, (struct sockaddr *)&to, length_of(&to)) < 0)
			return -1;
		return (int)send(fd, "udp", 3, 0);
	}
}

static void udp(const struct place *place, enum how how)
{
	int server = serve(place, SOCK_DGRAM), fd = socket(place->domain, SOCK_DGRAM, 0);
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	char text[8] = "";

	printf("-- udp %s %u %d\n", place->address, place->port, how);
	SAY(send_by(how, fd, place));
	SAY(is_right(place, fd));
	SAY(recvfrom(server, text, sizeof(text), 0, (struct sockaddr *)&from, &length));
	printf("%s\n", text);
	SAY(sendto(server, "reply", 5, 0, (struct sockaddr *)&from, length));
	SAY(recv(fd, text, sizeof(text), 0));
	/* once more, now that it is where it is */
	SAY(send_by(how, fd, place));
	/* too short for an address of its kind */
	SAY(sendto(fd, "udp", 3, 0, (struct sockaddr *)&from, length - 8));
	close(fd);
	close(server);
}

/* A server of the program: whoever is on that side gets there. */
static void bound(const struct place *place)
{
	int fd = socket(place->domain, SOCK_STREAM, 0), client,
	    udp = socket(place->domain, SOCK_DGRAM, 0);
	struct sockaddr_storage to = address_of(place->domain, place->address, place->port);

	printf("-- bound %s %u\n", place->address, place->port);
	SAY(listen_to(fd, place->domain, place->address, place->port));
	SAY(is_right(place, fd));
	client = place->listed ? raw_socket(place->domain, SOCK_STREAM, 0)
			       : socket(place->domain, SOCK_STREAM, 0);
	SAY((int)syscall(SYS_connect, client, &to, length_of(&to)));
	SAY(accept(fd, NULL, NULL) >= 0);
	SAY(bind_to(udp, place->domain, place->address, place->port));
	SAY(is_right(place, udp));
	SAY(bind_to(udp, place->domain, place->address, place->port));
	close_range(3, 300, 0);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		tcp(&places[i], 0);
		tcp(&places[i], SOCK_NONBLOCK | SOCK_CLOEXEC);
		prepared(&places[i]);
		fast_open(&places[i]);
		for (enum how how = SENDTO; how <= CONNECT; how++)
			udp(&places[i], how);
		bound(&places[i]);
	}
	return 0;
}
