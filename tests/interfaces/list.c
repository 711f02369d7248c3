/* SPDX-License-Identifier: MIT */
/*
 * Tells all interfaces and addresses, as getifaddrs(3) and if_nameindex(3) give them, and what
 * if_nametoindex(3) and if_indextoname(3) say of each. Counters of the loopback interface only:
 * those of others may change at any time.
 *
 *   list            everything
 *   list libc       as above, but the lists are freed by libc's own functions
 *   list churn N    N times, silently, whether what is told fits together; exits with 1 if not
 */
#include "tests/musl/libc.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_address(const char *what, const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_ll *ll = (const void *)address;
	char text[INET6_ADDRSTRLEN];

	printf(" %s=", what);
	if (!address) {
		printf("none");
	} else if (address->sa_family == AF_INET) {
		printf("%s:%u", inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)),
			in->sin_port);
	} else if (address->sa_family == AF_INET6) {
		printf("%s%%%u:%u:%u", inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)),
			in6->sin6_scope_id, in6->sin6_port, in6->sin6_flowinfo);
	} else if (address->sa_family == AF_PACKET) {
		printf("%d:%u:%u:%u:", ll->sll_ifindex, ll->sll_hatype, ll->sll_protocol,
			ll->sll_pkttype);
		for (unsigned i = 0; i < ll->sll_halen; i++)
			printf("%02x", ll->sll_addr[i]);
	} else {
		printf("family %u", address->sa_family);
	}
}

static void print_counters(const struct ifaddrs *entry)
{
	struct rtnl_link_stats stats;

	printf(" data=%s", entry->ifa_data ? "yes" : "none");
	if (!entry->ifa_data || !(entry->ifa_flags & IFF_LOOPBACK))
		return;
	memcpy(&stats, entry->ifa_data, sizeof(stats));
	printf(" packets=%u,%u bytes=%u,%u", stats.rx_packets, stats.tx_packets, stats.rx_bytes,
		stats.tx_bytes);
}

static void print_entry(const struct ifaddrs *entry)
{
	/* What an ioctl(2) tells of the flags, and what it does not. */
	printf("%s flags=%#x more=%#x", entry->ifa_name, entry->ifa_flags & 0xffff,
		entry->ifa_flags >> 16);
	print_address("address", entry->ifa_addr);
	print_address("netmask", entry->ifa_netmask);
	print_address("other", entry->ifa_broadaddr);
	print_counters(entry);
	printf("\n");
}

static void print_error(const char *what)
{
	printf("%s: %s\n", what, strerrorname_np(errno));
}

/* A function as others find it, or as libc has it. */
static void *function(const char *name, bool of_libc)
{
	return dlsym(of_libc ? dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD) : RTLD_DEFAULT, name);
}

static void print_list(bool of_libc)
{
	void (*release)(struct ifaddrs *) =
		(void (*)(struct ifaddrs *))function("freeifaddrs", of_libc);
	struct ifaddrs *list;

	errno = 99;
	if (getifaddrs(&list) < 0) {
		print_error("getifaddrs");
		return;
	}
	printf("errno %d\n", errno);
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next)
		print_entry(entry);
	release(list);
}

static void print_name(const char *name)
{
	unsigned index;

	errno = 99;
	index = if_nametoindex(name);
	printf("'%s' is %u, errno %s\n", name, index,
		errno == 99 ? "left" : strerrorname_np(errno));
}

static void print_index(unsigned index)
{
	char name[IF_NAMESIZE + 1] = "unchanged";
	const char *r;

	errno = 99;
	r = if_indextoname(index, name);
	printf("%u is '%s', %s, errno %s\n", index, name,
		r == name ? "told"
		: r	  ? "?"
			  : "NULL",
		errno == 99 ? "left" : strerrorname_np(errno));
}

static void print_names(bool of_libc)
{
	void (*release)(struct if_nameindex *) =
		(void (*)(struct if_nameindex *))function("if_freenameindex", of_libc);
	struct if_nameindex *names;

	errno = 99;
	names = if_nameindex();
	if (!names) {
		print_error("if_nameindex");
		return;
	}
	printf("errno %d\n", errno);
	for (const struct if_nameindex *entry = names; entry->if_name || entry->if_index; entry++) {
		printf("%u %s\n", entry->if_index, entry->if_name);
		print_name(entry->if_name);
		print_index(entry->if_index);
	}
	release(names);
}

/* ---- again and again, while interfaces come and go ---- */

static bool is_there(const struct ifaddrs *list, const char *name)
{
	for (; list; list = list->ifa_next) {
		if (list->ifa_data && strcmp(list->ifa_name, name) == 0)
			return true;
	}
	return false;
}

static int once(void)
{
	struct if_nameindex *names = if_nameindex();
	struct ifaddrs *list;
	bool good = getifaddrs(&list) == 0 && names && strcmp(names[0].if_name, "lo") == 0;

	if (!good) {
		print_error("failed");
		return 1;
	}
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next)
		good = good && is_there(list, entry->ifa_name);
	good = good && is_there(list, "lo") && is_there(list, "kept0");
	if_freenameindex(names);
	freeifaddrs(list);
	if (!good)
		printf("does not fit together\n");
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool of_libc = argc > 1 && strcmp(argv[1], "libc") == 0;

	if (argc > 2) {
		for (int i = 0; i < atoi(argv[2]); i++) {
			if (once() != 0)
				return 1;
		}
		return 0;
	}
	print_list(of_libc);
	print_names(of_libc);
	print_name("");
	print_name("nothere");
	print_name("0123456789abcde");
	print_name("0123456789abcdef");
	print_index(0);
	print_index(4000);
	print_index(0xffffffff);
	freeifaddrs(NULL);
	return 0;
}
