/* SPDX-License-Identifier: MIT */
#include "xredirect/links.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/rtdump.h"
#include "preload/interfaces.h"
#include "preload/report.h"
#include "xredirect/inet6.h"
#include "xredirect/linkioctl.h"
#include "xredirect/linkmsg.h"
#include "xredirect/source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Interfaces would have to come and go for this long, in each moment in which they are asked for.
 */
#define ATTEMPTS 100

/* One of the three. */
struct wanted {
	const char *call;
	struct ifaddrs **list;
	struct if_nameindex **names;
	int *inet6;
};

/* Any socket of the namespace, of the kinds that a broker most likely hands out. */
static int any_socket(const struct route *route, const char *call)
{
	int fd = source_ask(route, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -EACCES)
		fd = source_ask(route, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? source_fail(route, call, -fd, AF_INET, 0) : fd;
}

static int make_inet6(struct rtnl_span links, struct rtnl_span addresses, int *ret)
{
	*ret = inet6_file(links, addresses);
	return *ret < 0 ? *ret : 0;
}

static int by_messages(int fd, const struct wanted *wanted)
{
	struct rtdump links = {0}, addresses = {0};
	int r = rtdump_ask(&links, fd, RTM_GETLINK);

	if (r == 0 && !wanted->names)
		r = rtdump_ask(&addresses, fd, RTM_GETADDR);
	if (r == 0 && wanted->list)
		r = linkmsg_list(rtdump_span(&links), rtdump_span(&addresses), wanted->list);
	else if (r == 0 && wanted->names)
		r = linkmsg_names(rtdump_span(&links), wanted->names);
	else if (r == 0)
		r = make_inet6(rtdump_span(&links), rtdump_span(&addresses), wanted->inet6);
	rtdump_free(&links);
	rtdump_free(&addresses);
	return r;
}

static int by_ioctls(int fd, const struct wanted *wanted)
{
	if (wanted->list)
		return linkioctl_list(fd, wanted->list);
	if (wanted->names)
		return linkioctl_names(fd, wanted->names);
	/* They tell of no such addresses. */
	return make_inet6((struct rtnl_span){0}, (struct rtnl_span){0}, wanted->inet6);
}

/*
 * Each time by a socket of its own, on which no answer is left over. *ret_known: why it failed has
 * been said.
 */
static int get_once(const struct route *route, const struct wanted *wanted, bool *ret_known)
{
	_cleanup_fd_ int fd = source_ask(route, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int error = -fd;

	if (fd >= 0)
		return by_messages(fd, wanted);
	*ret_known = true;
	if (error != EACCES)
		return source_fail(route, wanted->call, error, AF_NETLINK, NETLINK_ROUTE);
	fd = any_socket(route, wanted->call);
	if (fd < 0)
		return fd;
	*ret_known = false;
	report(REPORT_DEBUG,
		"%s: the broker %s hands out no sockets of AF_NETLINK, so only interfaces with an "
		"IPv4 address are told; add \"route\" to AllowSockets= of its configuration to "
		"have all",
		wanted->call, route->server);
	return by_ioctls(fd, wanted);
}

static int get(const struct route *route, const struct wanted *wanted)
{
	bool known = false;
	struct cancel cancel;
	char unknown[16];
	int r = -EAGAIN;

	cancel_hold(&cancel);
	for (unsigned i = 0; (r == -EAGAIN || r == -ENOBUFS) && !known && i < ATTEMPTS; i++)
		r = get_once(route, wanted, &known);
	if (r < 0 && !known)
		report(REPORT_ERROR, "%s by %s failed: %s", wanted->call, route->server,
			report_strerror(-r, unknown));
	cancel_release(&cancel);
	return r;
}

int links_list(const struct route *route, struct ifaddrs **ret)
{
	const struct wanted wanted = {.call = "getifaddrs()", .list = ret};

	return get(route, &wanted);
}

int links_names(const struct route *route, struct if_nameindex **ret)
{
	const struct wanted wanted = {.call = "if_nameindex()", .names = ret};

	return get(route, &wanted);
}

int links_inet6(const struct route *route)
{
	int fd = -1, lowest;
	const struct wanted wanted = {.call = "open of /proc/net/if_inet6", .inet6 = &fd};
	int r = get(route, &wanted);

	if (r < 0)
		return r;
	/* It was made while there was a socket, which had the number that open(2) gives. */
	lowest = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (lowest < 0)
		return fd;
	close(lowest < fd ? fd : lowest);
	return lowest < fd ? lowest : fd;
}

int links_index(const struct route *route, const char *name)
{
	struct cancel cancel;
	int fd, r;

	if (strlen(name) >= IF_NAMESIZE)
		return -ENODEV;
	cancel_hold(&cancel);
	fd = any_socket(route, "if_nametoindex()");
	r = fd < 0 ? fd : interfaces_index(fd, name);
	close_fd(&fd);
	cancel_release(&cancel);
	return r;
}

int links_name(const struct route *route, unsigned index, char ret[IF_NAMESIZE])
{
	struct ifreq request = {.ifr_ifindex = (int)index};
	struct cancel cancel;
	int fd, r;

	cancel_hold(&cancel);
	fd = any_socket(route, "if_indextoname()");
	r = fd < 0 ? fd : ioctl(fd, SIOCGIFNAME, &request) < 0 ? -ENXIO : 0;
	close_fd(&fd);
	cancel_release(&cancel);
	if (r == 0)
		memcpy(ret, request.ifr_name, IF_NAMESIZE);
	return r;
}
