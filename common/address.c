/* SPDX-License-Identifier: MIT */
#include "common/address.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

int address_from_server(const char *server, struct address *ret)
{
	static const char directory[] = ADDRESS_DIRECTORY "/";
	struct address address = {.un.sun_family = AF_UNIX};
	size_t prefix = 0, length, offset;

	if (!server)
		server = ADDRESS_DEFAULT;
	length = strlen(server);
	if (length == 0 || strcmp(server, "@") == 0)
		return -EINVAL;

	offset = offsetof(struct sockaddr_un, sun_path);
	if (server[0] == '@') {
		if (length > sizeof(address.un.sun_path))
			return -ENAMETOOLONG;
		memcpy(address.un.sun_path + 1, server + 1, length - 1);
		address.length = (socklen_t)(offset + length);
		*ret = address;
		return 0;
	}
	if (!strchr(server, '/')) {
		if (strcmp(server, ".") == 0 || strcmp(server, "..") == 0)
			return -EINVAL;
		prefix = strlen(directory);
	}
	if (prefix + length >= sizeof(address.un.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.un.sun_path, directory, prefix);
	memcpy(address.un.sun_path + prefix, server, length);
	address.length = (socklen_t)(offset + prefix + length + 1);
	*ret = address;
	return 0;
}

const char *address_instance(const char *server)
{
	static const char directory[] = ADDRESS_DIRECTORY "/";

	if (strncmp(server, directory, sizeof(directory) - 1) == 0)
		server += sizeof(directory) - 1;
	return strchr(server, '/') || *server == '@' ? NULL : server;
}

const char *address_path(const struct address *address)
{
	return address->un.sun_path[0] ? address->un.sun_path : NULL;
}

const char *address_text(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
	size_t length = address->length - offsetof(struct sockaddr_un, sun_path);

	if (address_path(address))
		return address_path(address);
	memcpy(text, address->un.sun_path, length);
	text[0] = '@';
	text[length] = '\0';
	return text;
}
