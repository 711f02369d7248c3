/* SPDX-License-Identifier: MIT */
#include "bridge/host.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE_MAX 253 /* RFC 1035, 2.3.4, as it is written */

bool host_is_digits(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

bool host_number(const char *text, unsigned min, unsigned max, unsigned *ret)
{
	unsigned long number;

	if (!host_is_digits(text))
		return false;
	errno = 0;
	number = strtoul(text, NULL, 10);
	if (errno || number < min || number > max)
		return false;
	*ret = (unsigned)number;
	return true;
}

bool host_is_name(const char *host)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_";

	if (!host[0] || strlen(host) > NAME_SIZE_MAX)
		return false;
	while (*host) {
		size_t length = strspn(host, letters);

		if (length == 0 || length > 63 || host[0] == '-' || host[length - 1] == '-')
			return false;
		host += length;
		if (*host == '.')
			host++; /* one at the end is right, too */
		else if (*host)
			return false;
	}
	return true;
}

bool host_is_like_ipv4(const char *host)
{
	size_t end = strlen(host), begin;

	if (end > 0 && host[end - 1] == '.')
		end--;
	for (begin = end; begin > 0 && host[begin - 1] != '.'; begin--)
		;
	return begin < end && strspn(host + begin, "0123456789") == end - begin;
}

int host_address(const char *host, struct netaddr *ret)
{
	char text[INET6_ADDRSTRLEN];
	size_t length = strcspn(host, "%");
	const char *zone = host + length;

	if (*zone && (!zone[1] || strlen(zone + 1) >= IF_NAMESIZE || strpbrk(zone + 1, "%/ ")))
		return -EINVAL;
	if (length >= sizeof(text))
		return -EINVAL;
	memcpy(text, host, length);
	text[length] = '\0';
	if (netaddr_parse(text, 0, ret) < 0 || (*zone && ret->sa.sa_family != AF_INET6))
		return -EINVAL;
	return 0;
}

int host_source(const char *value, struct netaddr *ret)
{
	char text[128];
	char *colon = NULL, *host = text;
	unsigned port = 0;

	if (!value[0] || strlen(value) >= sizeof(text))
		return -EINVAL;
	strcpy(text, value);
	if (text[0] == '[') {
		char *end = strchr(text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*end = '\0';
		host++;
		colon = end[1] ? end + 1 : NULL;
	} else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
		colon = strchr(text, ':');
	}
	if (colon) {
		*colon = '\0';
		if (!host_number(colon + 1, 1, UINT16_MAX, &port))
			return -EINVAL;
	}
	if (host_address(host, ret) < 0 || (text[0] == '[' && ret->sa.sa_family != AF_INET6))
		return -EINVAL;
	netaddr_set_port(ret, (uint16_t)port);
	return 0;
}
