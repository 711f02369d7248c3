/* SPDX-License-Identifier: MIT */
/*
 * A line for each address, as the kernel writes it:
 *
 *   fe800000000000000000000000000001 03 40 20 80     lan0
 *
 * the address, and in hexadecimal the number of the interface, the length of the prefix, the scope
 * as the kernel counts it (IPV6_ADDR_*), and flags (IFA_F_*); then the name of the interface.
 */
#include "xredirect/inet6.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>

#define NAME_WIDTH 8

struct line {
	char text[32 + 4 * 9 + 1 + IF_NAMESIZE + 1];
	size_t length;
};

static void put(struct line *line, char c)
{
	line->text[line->length++] = c;
}

/* Of at least two digits. */
static void put_hex(struct line *line, unsigned number)
{
	int digits = 2;

	while (digits < 8 && number >> (4 * digits))
		digits++;
	while (digits-- > 0)
		put(line, "0123456789abcdef"[number >> (4 * digits) & 0xf]);
}

static unsigned scope_of(unsigned char scope)
{
	switch (scope) {
	case RT_SCOPE_HOST:
		return 0x10;
	case RT_SCOPE_LINK:
		return 0x20;
	case RT_SCOPE_SITE:
		return 0x40;
	default:
		return 0;
	}
}

static void format(struct line *ret, const struct rtnl_address *address, struct rtnl_span own,
	struct rtnl_span name)
{
	const unsigned numbers[] = {
		address->index, address->prefix, scope_of(address->scope), address->flags};

	ret->length = 0;
	for (size_t i = 0; i < own.length; i++)
		put_hex(ret, own.bytes[i]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		put(ret, ' ');
		put_hex(ret, numbers[i]);
	}
	put(ret, ' ');
	for (size_t i = name.length; i < NAME_WIDTH; i++)
		put(ret, ' ');
	for (size_t i = 0; i < name.length; i++)
		put(ret, (char)name.bytes[i]);
	put(ret, '\n');
}

static bool find_name(struct rtnl_span links, unsigned index, struct rtnl_span *ret)
{
	struct rtnl_message message;
	struct rtnl_link link;

	while (rtnl_next(&links, &message)) {
		if (rtnl_link_read(&message, &link) && link.index == index && link.name.bytes) {
			*ret = link.name;
			return true;
		}
	}
	return false;
}

static int write_address(int fd, struct rtnl_span links, const struct rtnl_address *address)
{
	struct rtnl_span own = address->local.bytes ? address->local : address->peer, name;
	struct line line;

	if (address->family != AF_INET6 || own.length != sizeof(struct in6_addr))
		return 0;
	if (!find_name(links, address->index, &name))
		return -EAGAIN;
	format(&line, address, own, name);
	return write(fd, line.text, line.length) == (ssize_t)line.length ? 0 : -ENOMEM;
}

int inet6_file(struct rtnl_span links, struct rtnl_span addresses)
{
	_cleanup_fd_ int fd = memfd_create("if_inet6", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct rtnl_message message;
	struct rtnl_address address;

	if (fd < 0)
		return -errno;
	while (rtnl_next(&addresses, &message)) {
		int r = rtnl_address_read(&message, &address) ? write_address(fd, links, &address)
							      : 0;

		if (r < 0)
			return r;
	}
	if (lseek(fd, 0, SEEK_SET) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return -errno;
	return steal_fd(&fd);
}
