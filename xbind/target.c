/* SPDX-License-Identifier: MIT */
#include "xbind/target.h"

#include "preload/sockaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

static const char *const no_address = "after = comes a port, or an address in numbers, as in "
				      "=8080, =127.0.0.1:8080, =[::1]:8080; "
				      "a broker goes after @";

/* What a text that begins like no target was meant to be. */
static const char *hint(const struct span *span)
{
	size_t colon = span_until(span, ':');

	if (span->length == 0)
		return "after = comes a port, an address, or both, as in =127.0.0.1:8080";
	if (*span->text == '=' || *span->text == '>')
		return "= is written alone, as in 3000=8080";
	if (span_starts(span, "tcp:") || span_starts(span, "udp:"))
		return "tcp: and udp: go to the front of the rule, as in tcp:3000=8080";
	if (*span->text == '*')
		return "0.0.0.0 and [::] stand for every address";
	if (*span->text == ':' && (span->length < 2 || span->text[1] != ':'))
		return "a port is written without a colon when no address is before it, as in "
		       "=8080";
	if (colon + 1 < span->length &&
		memchr(span->text + colon + 1, ':', span->length - colon - 1))
		return "an IPv6 address is written in brackets, as in =[::1] or =[::1]:8080";
	return no_address;
}

/* What goes wrong behind a number that is a port. */
static const char *hint_port(const struct span *rest, const struct span *all)
{
	if (*rest->text == '-')
		return "the ports of a range follow from the first one on, write only that, as in "
		       "8000-8010=9000";
	if (*rest->text == '=')
		return "there is one = in a rule";
	if (*rest->text == ':' && span_has(rest, '.'))
		return "the address goes before the port, as in =127.0.0.1:8080";
	return hint(all);
}

static const char *port_parse(struct span span, struct target *target)
{
	if (span_port(&span, &target->port) == -ERANGE)
		return "a port is at most 65535";
	if (span.length > 0 || !target->has_port)
		return "after the colon comes a port, a number";
	return NULL;
}

/* An optional ":PORT" after an address. */
static const char *rest_parse(struct span span, struct target *target)
{
	if (span.length == 0)
		return NULL;
	if (*span.text == '/')
		return "it is bound to one address, leave out the length of the network";
	if (*span.text != ':')
		return "after the address comes : and a port, or a blank, or @ and a broker";
	span_skip(&span, 1);
	target->has_port = span_starts_digit(&span);
	return port_parse(span, target);
}

/* Copies the first bytes of a span for inet_pton(3). */
static bool address_parse(int family, const struct span *span, size_t length, void *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (length >= sizeof(text))
		return false;
	memcpy(text, span->text, length);
	text[length] = '\0';
	return inet_pton(family, text, ret) == 1;
}

static const char *ipv4_parse(struct span span, struct target *target)
{
	size_t length = span_until(&span, ':'), slash = span_until(&span, '/');

	if (slash < length)
		length = slash;
	if (!address_parse(AF_INET, &span, length, target->address))
		return "an IPv4 address has four numbers up to 255, without zeros before them, as "
		       "in =127.0.0.1";
	target->family = AF_INET;
	span_skip(&span, length);
	return rest_parse(span, target);
}

static const char *interface_parse(struct span span, struct span *ret)
{
	if (span.length == 0 || span.length >= IF_NAMESIZE || span_has(&span, '/') ||
		span_has(&span, '%'))
		return "after % comes the name that an interface has in the broker's namespace";
	*ret = span;
	return NULL;
}

static const char *ipv6_parse(struct span span, struct target *target, struct span *interface)
{
	size_t length = span_until(&span, ']'), percent = span_until(&span, '%');
	struct span inside = {.text = span.text + 1, .length = length - 1};
	const char *reason = NULL;
	struct in6_addr in6;

	if (length == span.length)
		return "] is missing after the address";
	if (percent < length)
		inside.length = percent - 1;
	if (address_parse(AF_INET, &inside, inside.length, target->address))
		return "only an IPv6 address is written in brackets";
	if (!address_parse(AF_INET6, &inside, inside.length, target->address))
		return "what is in the brackets is not an IPv6 address";
	target->family = AF_INET6;
	memcpy(&in6, target->address, sizeof(in6));
	if (percent < length) {
		span_skip(&inside, inside.length + 1);
		inside.length = length - percent - 1;
		reason = interface_parse(inside, interface);
	} else if (IN6_IS_ADDR_LINKLOCAL(&in6)) {
		reason = "a link-local address needs the name of an interface in the broker's "
			 "namespace, as in =[fe80::1%eth0]";
	}
	if (reason)
		return reason;
	/* The same address as it is usually written; then it is also one for an IPv4 socket. */
	if (IN6_IS_ADDR_V4MAPPED(&in6)) {
		if (interface->length > 0)
			return "an IPv4 address has no interface, leave out %";
		target->family = AF_INET;
		memmove(target->address, target->address + 12, 4);
		memset(target->address + 4, 0, 12);
	}
	span_skip(&span, length + 1);
	return rest_parse(span, target);
}

const char *target_parse(struct span span, struct target *ret, struct span *ret_interface)
{
	struct span rest = span;
	int r;

	*ret = (struct target){.family = AF_UNSPEC};
	*ret_interface = (struct span){.text = span.text};
	if (span_has(&span, ',') || span_has(&span, ';'))
		return "rules are separated by blanks";
	if (span_starts(&span, "["))
		return ipv6_parse(span, ret, ret_interface);
	r = span_port(&rest, &ret->port);
	if (rest.length == 0 && r == 0) {
		ret->has_port = true;
		return NULL;
	}
	if (r == -ERANGE)
		return "a port is at most 65535";
	if (r == 0 && *rest.text == '.')
		return ipv4_parse(span, ret);
	return r == 0 ? hint_port(&rest, &span) : hint(&span);
}

bool target_fits(const struct target *target, enum target_socket socket)
{
	switch (target->family) {
	case AF_INET:
		return (socket & TARGET_IPV4) != 0;
	case AF_INET6:
		return (socket & TARGET_IPV6) != 0;
	default:
		return true;
	}
}

/* The port is at the same place in the addresses of both families. */
static in_port_t *port_of(struct sockaddr_storage *address)
{
	return &((struct sockaddr_in *)address)->sin_port;
}

static int set_ipv4(
	const struct target *target, struct sockaddr_storage *address, socklen_t *length)
{
	struct sockaddr_in in;

	memcpy(&in, address, sizeof(in));
	if (*length < sizeof(in) ||
		(in.sin_family != AF_INET &&
			(in.sin_family != AF_UNSPEC || in.sin_addr.s_addr != htonl(INADDR_ANY))))
		return -EAFNOSUPPORT;
	in.sin_family = AF_INET;
	memcpy(&in.sin_addr, target->address, sizeof(in.sin_addr));
	memcpy(address, &in, sizeof(in));
	*length = sizeof(in);
	return 0;
}

static int set_ipv6(
	const struct target *target, struct sockaddr_storage *address, socklen_t *length)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = *port_of(address)};

	if (address->ss_family != AF_INET6 || *length < SOCKADDR_IN6_SHORT)
		return -EAFNOSUPPORT;
	if (target->family == AF_INET6) {
		memcpy(&in6.sin6_addr, target->address, sizeof(in6.sin6_addr));
	} else {
		memcpy(&in6.sin6_addr, mapped, sizeof(mapped));
		memcpy((uint8_t *)&in6.sin6_addr + sizeof(mapped), target->address, 4);
	}
	memcpy(address, &in6, sizeof(in6));
	*length = sizeof(in6);
	return 0;
}

int target_apply(const struct target *target, int domain, unsigned offset,
	struct sockaddr_storage *address, socklen_t *length)
{
	int r = 0;

	if (target->family != AF_UNSPEC)
		r = domain == AF_INET ? set_ipv4(target, address, length)
				      : set_ipv6(target, address, length);
	if (r == 0 && target->has_port)
		*port_of(address) =
			htons((uint16_t)(target->port == 0 ? 0 : target->port + offset));
	return r;
}
