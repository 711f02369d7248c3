/* SPDX-License-Identifier: MIT */
/*
 * Another preload library, with interfaces of its own making that only it can free: they are not
 * from malloc(3). It tells what it was given to free.
 */
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>

int getifaddrs(struct ifaddrs **ret);
void freeifaddrs(struct ifaddrs *list);
struct if_nameindex *if_nameindex(void);
void if_freenameindex(struct if_nameindex *names);

static struct ifaddrs only = {.ifa_name = (char[]){"chain0"}};
static struct if_nameindex names_only[] = {{77, (char[]){"chain0"}}, {0, NULL}};

int getifaddrs(struct ifaddrs **ret)
{
	*ret = &only;
	return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
	printf("chain: freed %s\n", list == &only ? "its own" : "another's");
}

struct if_nameindex *if_nameindex(void)
{
	return names_only;
}

void if_freenameindex(struct if_nameindex *names)
{
	printf("chain: freed %s\n", names == names_only ? "its own names" : "another's names");
}
