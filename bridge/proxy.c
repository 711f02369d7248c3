/* SPDX-License-Identifier: MIT */
/*
 * What is read comes from a peer that may be anybody: it is taken only as the specification writes
 * it, and turned down at the first byte that cannot be part of a header, so that nobody waits for
 * the rest.
 */
#include "bridge/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V1_MAX	   107 /* with its CRLF */
#define V1_BEGIN   "PROXY "
#define V2_HEAD	   16
#define V2_LOCAL   0x20
#define V2_PROXY   0x21
#define V2_UNIX	   (2 * sizeof(((struct sockaddr_un *)0)->sun_path))
#define UNIX_HEAD  ((socklen_t)offsetof(struct sockaddr_un, sun_path))

enum v2_family {
	V2_UNSPEC = 0x00,
	V2_IPV4 = 0x10,
	V2_IPV6 = 0x20,
	V2_PATHS = 0x30,
	V2_STREAM = 0x01,
	V2_DATAGRAM = 0x02,
};

static const unsigned char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* ---- writing ---- */

/* Both addresses as they are written: of one family, or of none. */
static int common_family(const struct proxy *proxy, struct proxy *ret)
{
	*ret = *proxy;
	if (!ret->source.length || !ret->destination.length)
		return AF_UNSPEC;
	netaddr_unmap(&ret->source);
	netaddr_unmap(&ret->destination);
	if (ret->source.sa.sa_family != ret->destination.sa.sa_family) {
		netaddr_map(&ret->source);
		netaddr_map(&ret->destination);
	}
	if (ret->source.sa.sa_family != ret->destination.sa.sa_family)
		return AF_UNSPEC;
	return ret->source.sa.sa_family;
}

/* One without a family: version 1 has no Unix sockets. */
static size_t write_v1(int family, const struct proxy *proxy, unsigned char *buffer)
{
	char source[INET6_ADDRSTRLEN] = "", destination[INET6_ADDRSTRLEN] = "";

	if (family == AF_INET) {
		inet_ntop(family, &proxy->source.in.sin_addr, source, sizeof(source));
		inet_ntop(family, &proxy->destination.in.sin_addr, destination,
			sizeof(destination));
	} else if (family == AF_INET6) {
		inet_ntop(family, &proxy->source.in6.sin6_addr, source, sizeof(source));
		inet_ntop(family, &proxy->destination.in6.sin6_addr, destination,
			sizeof(destination));
	} else {
		return (size_t)sprintf((char *)buffer, V1_BEGIN "UNKNOWN\r\n");
	}
	return (size_t)sprintf((char *)buffer, V1_BEGIN "TCP%c %s %s %u %u\r\n",
		family == AF_INET ? '4' : '6', source, destination, netaddr_port(&proxy->source),
		netaddr_port(&proxy->destination));
}

/* Appends an address without its port, padded to the size that its family has. */
static unsigned char *put_host(unsigned char *p, const struct netaddr *address)
{
	socklen_t length;

	switch (address->sa.sa_family) {
	case AF_INET:
		memcpy(p, &address->in.sin_addr, 4);
		return p + 4;
	case AF_INET6:
		memcpy(p, &address->in6.sin6_addr, 16);
		return p + 16;
	}
	length = address->length > UNIX_HEAD ? address->length - UNIX_HEAD : 0;
	if (length > sizeof(address->un.sun_path))
		length = sizeof(address->un.sun_path);
	memcpy(p, address->un.sun_path, length);
	return p + sizeof(address->un.sun_path);
}

static unsigned char *put_port(unsigned char *p, const struct netaddr *address)
{
	uint16_t port = netaddr_port(address);

	*p++ = (unsigned char)(port >> 8);
	*p++ = (unsigned char)port;
	return p;
}

static size_t write_v2(int family, bool datagram, const struct proxy *proxy, unsigned char *buffer)
{
	unsigned char *p = buffer + V2_HEAD;
	unsigned char kind = datagram ? V2_DATAGRAM : V2_STREAM;

	memset(buffer, 0, PROXY_SEND_MAX);
	memcpy(buffer, v2_signature, sizeof(v2_signature));
	buffer[12] = V2_PROXY;
	if (family == AF_UNSPEC) {
		/* A receiver may turn down addresses of no family, but not this. */
		buffer[12] = V2_LOCAL;
		return V2_HEAD;
	}
	kind |= family == AF_INET ? V2_IPV4 : family == AF_INET6 ? V2_IPV6 : V2_PATHS;
	buffer[13] = kind;
	p = put_host(p, &proxy->source);
	p = put_host(p, &proxy->destination);
	if (family != AF_UNIX) {
		p = put_port(p, &proxy->source);
		p = put_port(p, &proxy->destination);
	}
	buffer[15] = (unsigned char)(p - buffer - V2_HEAD);
	return (size_t)(p - buffer);
}

size_t proxy_write(unsigned version, bool datagram, const struct proxy *proxy,
	unsigned char buffer[PROXY_SEND_MAX])
{
	struct proxy same;
	int family = common_family(proxy, &same);

	if (version == 1 && !datagram)
		return write_v1(family, &same, buffer);
	return write_v2(family, datagram, &same, buffer);
}

/* ---- reading, version 1 ---- */

/* The next word of the line, which must end with exactly one blank, or with the line. */
static char *next_word(char **line)
{
	char *word = *line;

	if (!word)
		return NULL;
	*line = strchr(word, ' ');
	if (*line)
		*(*line)++ = '\0';
	return *word ? word : NULL;
}

/* A port in the one way to write it. */
static int parse_port(const char *word, uint16_t *ret)
{
	unsigned long port;
	size_t digits = word ? strspn(word, "0123456789") : 0;

	if (digits == 0 || digits > 5 || word[digits] || (word[0] == '0' && digits > 1))
		return -EPROTO;
	port = strtoul(word, NULL, 10);
	if (port > UINT16_MAX)
		return -EPROTO;
	*ret = (uint16_t)port;
	return 0;
}

static int parse_host(int family, const char *word, struct netaddr *ret)
{
	if (!word || strchr(word, '%') || netaddr_parse(word, 0, ret) < 0)
		return -EPROTO;
	return ret->sa.sa_family == family ? 0 : -EPROTO;
}

/* What stands between "PROXY " and the end of the line. */
static int parse_v1(char *line, struct proxy *ret)
{
	uint16_t source_port, destination_port;
	const char *protocol = next_word(&line);
	int family;

	if (!protocol)
		return -EPROTO;
	if (strcmp(protocol, "UNKNOWN") == 0)
		return 0; /* what else it says is to be left out */
	if (strcmp(protocol, "TCP4") == 0)
		family = AF_INET;
	else if (strcmp(protocol, "TCP6") == 0)
		family = AF_INET6;
	else
		return -EPROTO;
	if (parse_host(family, next_word(&line), &ret->source) < 0 ||
		parse_host(family, next_word(&line), &ret->destination) < 0 ||
		parse_port(next_word(&line), &source_port) < 0 ||
		parse_port(next_word(&line), &destination_port) < 0 || line)
		return -EPROTO;
	netaddr_set_port(&ret->source, source_port);
	netaddr_set_port(&ret->destination, destination_port);
	return 0;
}

static int read_v1(const unsigned char *data, size_t length, struct proxy *ret)
{
	const size_t begin = sizeof(V1_BEGIN) - 1;
	size_t seen = length < V1_MAX ? length : V1_MAX, line;
	char text[V1_MAX + 1];

	if (memcmp(data, V1_BEGIN, seen < begin ? seen : begin) != 0)
		return -EPROTO;
	for (line = begin; line < seen && data[line] >= ' ' && data[line] < 0x7f; line++)
		;
	if (line >= seen)
		return length < V1_MAX ? 0 : -EPROTO;
	if (data[line] != '\r')
		return -EPROTO;
	if (line + 1 >= seen)
		return length < V1_MAX ? 0 : -EPROTO;
	if (data[line + 1] != '\n')
		return -EPROTO;
	memcpy(text, data, line);
	text[line] = '\0';
	if (parse_v1(text + begin, ret) < 0)
		return -EPROTO;
	return (int)(line + 2);
}

/* ---- reading, version 2 ---- */

static uint16_t get_16(const unsigned char *data)
{
	return (uint16_t)(data[0] << 8 | data[1]);
}

static void get_unix(const unsigned char *data, struct netaddr *ret)
{
	const size_t size = sizeof(ret->un.sun_path);
	size_t length = size;

	/* An abstract name may have NUL in it, but where the padding begins is not told. */
	if (data[0])
		length = strnlen((const char *)data, size);
	else
		while (length > 0 && data[length - 1] == 0)
			length--;
	ret->un.sun_family = AF_UNIX;
	memcpy(ret->un.sun_path, data, length);
	if (data[0] && length < size)
		length++; /* the NUL behind a path */
	ret->length = UNIX_HEAD + (socklen_t)length;
}

/* The addresses of a family, in a block that has them and may have more. */
static int get_addresses(
	unsigned family, const unsigned char *block, size_t size, struct proxy *ret)
{
	switch (family) {
	case V2_IPV4:
		if (size < 12)
			return -EPROTO;
		ret->source.in = (struct sockaddr_in){.sin_family = AF_INET};
		ret->source.length = ret->destination.length = sizeof(ret->source.in);
		ret->destination.in = ret->source.in;
		memcpy(&ret->source.in.sin_addr, block, 4);
		memcpy(&ret->destination.in.sin_addr, block + 4, 4);
		block += 8;
		break;
	case V2_IPV6:
		if (size < 36)
			return -EPROTO;
		ret->source.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		ret->source.length = ret->destination.length = sizeof(ret->source.in6);
		ret->destination.in6 = ret->source.in6;
		memcpy(&ret->source.in6.sin6_addr, block, 16);
		memcpy(&ret->destination.in6.sin6_addr, block + 16, 16);
		block += 32;
		break;
	case V2_PATHS:
		if (size < V2_UNIX)
			return -EPROTO;
		get_unix(block, &ret->source);
		get_unix(block + V2_UNIX / 2, &ret->destination);
		return 0;
	}
	netaddr_set_port(&ret->source, get_16(block));
	netaddr_set_port(&ret->destination, get_16(block + 2));
	return 0;
}

static int read_v2(const unsigned char *data, size_t length, struct proxy *ret)
{
	size_t size;
	unsigned family, kind;

	if (memcmp(data, v2_signature, length < 12 ? length : 12) != 0)
		return -EPROTO;
	if (length > 12 && data[12] != V2_LOCAL && data[12] != V2_PROXY)
		return -EPROTO;
	if (length < V2_HEAD)
		return 0;
	size = get_16(data + 14);
	if (V2_HEAD + size > PROXY_RECEIVE_MAX)
		return -EPROTO;
	family = data[13] & 0xf0U;
	kind = data[13] & 0x0fU;
	/* Of the proxy's own making (LOCAL): whatever it says of addresses is to be left out. */
	if (data[12] == V2_PROXY && data[13] != V2_UNSPEC &&
		(family == V2_UNSPEC || family > V2_PATHS || kind == 0 || kind > V2_DATAGRAM))
		return -EPROTO;
	if (length < V2_HEAD + size)
		return 0;
	if (data[12] == V2_PROXY && data[13] != V2_UNSPEC &&
		get_addresses(family, data + V2_HEAD, size, ret) < 0)
		return -EPROTO;
	return (int)(V2_HEAD + size);
}

int proxy_read(unsigned versions, const unsigned char *data, size_t length, struct proxy *ret)
{
	struct proxy proxy;
	int r = -EPROTO;

	memset(&proxy, 0, sizeof(proxy));
	if (length == 0)
		return 0;
	if (data[0] == V1_BEGIN[0] && (versions & 1))
		r = read_v1(data, length, &proxy);
	else if (data[0] == v2_signature[0] && (versions & 2))
		r = read_v2(data, length, &proxy);
	if (r <= 0)
		return r;
	netaddr_unmap(&proxy.source);
	netaddr_unmap(&proxy.destination);
	*ret = proxy;
	return r;
}
