/* SPDX-License-Identifier: MIT */
#include "resolver/interface.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* Of either family: which one there is does not matter. */
static int any_socket(const struct resolver_source *source)
{
	int fd = source->socket(source->data, AF_INET6, SOCK_DGRAM, 0);

	return fd >= 0 ? fd : source->socket(source->data, AF_INET, SOCK_DGRAM, 0);
}

static int scope_number(const char *text, uint32_t *ret)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return -ENODEV;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*end || errno || number > UINT32_MAX)
		return -ENODEV;
	*ret = (uint32_t)number;
	return 0;
}

int interface_scope(const struct resolver_source *source, const char *text, uint32_t *ret)
{
	_cleanup_fd_ int fd = -1;
	struct ifreq request = {0};

	if (scope_number(text, ret) == 0)
		return 0;
	if (!*text || strlen(text) >= sizeof(request.ifr_name))
		return -ENODEV;
	fd = any_socket(source);
	if (fd < 0)
		return fd;
	strcpy(request.ifr_name, text);
	if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
		return -ENODEV;
	*ret = (uint32_t)request.ifr_ifindex;
	return 0;
}

int interface_name(const struct resolver_source *source, uint32_t index, char ret[IF_NAMESIZE])
{
	_cleanup_fd_ int fd = any_socket(source);
	struct ifreq request = {.ifr_ifindex = (int)index};

	if (fd < 0)
		return fd;
	if (ioctl(fd, SIOCGIFNAME, &request) < 0)
		return -ENODEV;
	memcpy(ret, request.ifr_name, IF_NAMESIZE);
	ret[IF_NAMESIZE - 1] = '\0';
	return 0;
}
