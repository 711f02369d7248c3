/* SPDX-License-Identifier: MIT */
/*
 * Tells the interfaces of contexts. Lists are freed in another context than they were made in.
 *
 *   contexts SERVER
 */
#include "lib/xsocket.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static struct ifaddrs *print(const char *where)
{
	struct if_nameindex *names = if_nameindex();
	struct ifaddrs *list;

	printf("%s:", where);
	for (const struct if_nameindex *entry = names; entry && entry->if_name; entry++)
		printf(" %s", entry->if_name);
	printf(" %u\n", if_nametoindex("inside0") > 0);
	if_freenameindex(names);
	return getifaddrs(&list) == 0 ? list : NULL;
}

int main(int argc, char **argv)
{
	struct ifaddrs *lists[4];

	lists[0] = print("outside");
	if (argc != 2 || xsocket_push(argv[1]) < 0)
		return 1;
	lists[1] = print("context");
	xsocket_push(".");
	lists[2] = print("exception");
	freeifaddrs(lists[1]);
	xsocket_pop();
	lists[3] = print("context");
	freeifaddrs(lists[0]);
	freeifaddrs(lists[2]);
	xsocket_pop();
	freeifaddrs(lists[3]);
	return 0;
}
