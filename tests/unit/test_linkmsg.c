/* SPDX-License-Identifier: MIT */
/*
 * Lists of interfaces, made of messages. That they are those of libc for the same messages is
 * tested with real interfaces: tests/interfaces. Here is what does not occur there.
 */
#include "tests/unit/rtnl_packet.h"

#include "common/cleanup.h"
#include "xredirect/inet6.h"
#include "xredirect/linkmsg.h"
#include "xredirect/listing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct packet links, addresses;
static struct ifaddrs *list;

static int setup(void **state)
{
	links = addresses = (struct packet){0};
	packet_link(&links, 1, 1, "lo");
	packet_link(&links, 1, 7, "eth0");
	list = NULL;
	return 0;
}

/* By libc's own function. */
static int teardown(void **state)
{
	freeifaddrs(list);
	return 0;
}

static int make(void)
{
	freeifaddrs(list);
	list = NULL;
	return linkmsg_list(packet_span(&links), packet_span(&addresses), &list);
}

static const char *text_of(const struct sockaddr *address)
{
	static char texts[4][128];
	static unsigned next;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
	char *text = texts[next++ % 4], host[INET6_ADDRSTRLEN];

	if (!address)
		return "-";
	if (address->sa_family == AF_INET)
		return inet_ntop(AF_INET, &in->sin_addr, text, 128);
	if (address->sa_family == AF_INET6)
		snprintf(text, 128, "%s%%%u",
			inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)),
			in6->sin6_scope_id);
	else
		snprintf(text, 128, "family %u", address->sa_family);
	return text;
}

/* Puts an address into the message: "" is none. */
static void add_text(int type, const char *text)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		packet_attribute(&addresses, type, bytes, 4);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		packet_attribute(&addresses, type, bytes, 16);
}

/* Of an interface with the number 7. */
static const struct {
	const char *local, *peer, *broadcast; /* IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST */
	unsigned prefix;
	const char *address, *netmask, *other;
} told[] = {
	{"10.0.0.1", "10.0.0.1", "10.0.0.255", 24, "10.0.0.1", "255.255.255.0", "10.0.0.255"},
	{"127.0.0.1", "127.0.0.1", "", 8, "127.0.0.1", "255.0.0.0", "127.0.0.1"},
	{"10.0.0.1", "10.0.0.2", "", 32, "10.0.0.1", "255.255.255.255", "10.0.0.2"},
	{"10.0.0.1", "", "", 31, "10.0.0.1", "255.255.255.254", "-"},
	{"", "10.0.0.1", "", 0, "10.0.0.1", "0.0.0.0", "-"},
	{"10.0.0.1", "10.0.0.1", "10.0.0.255", 255, "10.0.0.1", "255.255.255.255", "10.0.0.255"},
	{"", "2001:db8::1", "", 64, "2001:db8::1%0", "ffff:ffff:ffff:ffff::%0", "-"},
	{"", "fe80::1", "", 10, "fe80::1%7", "ffc0::%0", "-"},
	{"fe80::1", "fe80::2", "", 127, "fe80::1%7", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe%0",
		"fe80::2%7"},
	{"2001:db8::1", "fe80::2", "", 1, "2001:db8::1%0", "8000::%0", "fe80::2%7"},
	{"", "::1", "", 200, "::1%0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%0", "-"},
	{"", "", "", 24, "-", "-", "-"},
	{"", "", "10.0.0.255", 24, "-", "-", "10.0.0.255"},
};

static void test_addresses(void **state)
{
	for (size_t i = 0; i < ELEMENTS(told); i++) {
		int family = strchr(told[i].peer, ':') ? AF_INET6 : AF_INET;
		const struct ifaddrs *entry;

		addresses = (struct packet){0};
		packet_address(&addresses, 1, 7, family, told[i].prefix);
		add_text(IFA_ADDRESS, told[i].peer);
		add_text(IFA_LOCAL, told[i].local);
		add_text(IFA_BROADCAST, told[i].broadcast);
		assert_int_equal(make(), 0);
		entry = list->ifa_next->ifa_next;
		assert_null(entry->ifa_next);
		assert_string_equal(entry->ifa_name, "eth0");
		assert_string_equal(text_of(entry->ifa_addr), told[i].address);
		assert_string_equal(text_of(entry->ifa_netmask), told[i].netmask);
		assert_string_equal(text_of(entry->ifa_broadaddr), told[i].other);
	}
}

/* Addresses of other families have no form here: they are where they fit. */
static void test_other_families(void **state)
{
	packet_address(&addresses, 1, 7, AF_PHONET, 0);
	packet_attribute(&addresses, IFA_LOCAL, "\x6c", 1);
	assert_int_equal(make(), 0);
	assert_int_equal(list->ifa_next->ifa_next->ifa_addr->sa_family, AF_PHONET);
	assert_int_equal(list->ifa_next->ifa_next->ifa_addr->sa_data[0], 0x6c);
	addresses = (struct packet){0};
	packet_address(&addresses, 1, 7, AF_PHONET, 0);
	packet_attribute(&addresses, IFA_LOCAL, links.bytes, 64);
	assert_int_equal(make(), -EPROTO);
}

static void test_lengths(void **state)
{
	static const struct {
		int family;
		size_t length;
	} wrong[] = {{AF_INET, 0}, {AF_INET, 3}, {AF_INET, 5}, {AF_INET, 16}, {AF_INET6, 4},
		{AF_INET6, 15}, {AF_INET6, 17}, {AF_INET6, 4000}};
	static const int types[] = {IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST};

	for (size_t i = 0; i < ELEMENTS(wrong) * ELEMENTS(types); i++) {
		size_t row = i / ELEMENTS(types);

		addresses = (struct packet){0};
		packet_address(&addresses, 1, 7, wrong[row].family, 24);
		packet_attribute(
			&addresses, types[i % ELEMENTS(types)], links.bytes, wrong[row].length);
		assert_int_equal(make(), -EPROTO);
	}
}

static void test_hardware(void **state)
{
	static const size_t lengths[] = {
		0, 6, 8, 20, LISTING_HARDWARE_MAX, LISTING_HARDWARE_MAX + 1};
	unsigned char bytes[64];

	memset(bytes, 0xab, sizeof(bytes));
	for (size_t i = 0; i < ELEMENTS(lengths); i++) {
		const struct sockaddr_ll *ll;

		links = (struct packet){0};
		packet_link(&links, 1, 7, "eth0");
		packet_attribute(&links, IFLA_ADDRESS, bytes, lengths[i]);
		assert_int_equal(make(), 0);
		ll = (const struct sockaddr_ll *)(const void *)list->ifa_addr;
		assert_null(list->ifa_broadaddr);
		if (lengths[i] > LISTING_HARDWARE_MAX) {
			assert_null(ll);
			continue;
		}
		assert_int_equal(ll->sll_family, AF_PACKET);
		assert_int_equal(ll->sll_ifindex, 7);
		assert_int_equal(ll->sll_halen, lengths[i]);
		assert_memory_equal((const char *)ll + offsetof(struct sockaddr_ll, sll_addr),
			bytes, lengths[i]);
	}
}

/* Each interface keeps its own, however long. */
static void test_counters(void **state)
{
	links = (struct packet){0};
	packet_link(&links, 1, 1, "lo");
	packet_attribute(&links, IFLA_STATS, "12345", 5);
	packet_link(&links, 1, 2, "eth0");
	packet_link(&links, 1, 3, "eth1");
	packet_attribute(&links, IFLA_STATS, addresses.bytes, 4000);
	packet_link(&links, 1, 4, "eth2");
	packet_attribute(&links, IFLA_STATS, "6", 1);
	assert_int_equal(make(), 0);
	assert_memory_equal(list->ifa_data, "12345", 5);
	assert_null(list->ifa_next->ifa_data);
	assert_memory_equal(list->ifa_next->ifa_next->ifa_data, addresses.bytes, 4000);
	assert_memory_equal(list->ifa_next->ifa_next->ifa_next->ifa_data, "6", 1);
}

static void test_label(void **state)
{
	packet_address(&addresses, 1, 7, AF_INET, 24);
	add_text(IFA_LOCAL, "10.0.0.1");
	packet_text(&addresses, IFA_LABEL, "eth0:1");
	packet_address(&addresses, 1, 1, AF_INET, 24);
	add_text(IFA_LOCAL, "127.0.0.1");
	packet_address(&addresses, 1, 7, AF_INET, 24);
	add_text(IFA_LOCAL, "10.0.0.2");
	assert_int_equal(make(), 0);
	assert_string_equal(list->ifa_next->ifa_next->ifa_name, "eth0:1");
	assert_string_equal(list->ifa_next->ifa_next->ifa_next->ifa_name, "lo");
	assert_string_equal(list->ifa_next->ifa_next->ifa_next->ifa_next->ifa_name, "eth0");
}

/* Interfaces and addresses of different moments. */
static void test_unknown_interface(void **state)
{
	packet_address(&addresses, 1, 8, AF_INET, 24);
	add_text(IFA_LOCAL, "10.0.0.1");
	assert_int_equal(make(), -EAGAIN);
	links = (struct packet){0};
	assert_int_equal(make(), -EAGAIN);
}

static void test_no_name(void **state)
{
	struct if_nameindex *names = NULL;

	packet_link(&links, 1, 3, NULL);
	assert_int_equal(make(), -EPROTO);
	assert_int_equal(linkmsg_names(packet_span(&links), &names), -EPROTO);
	assert_null(names);
}

/* Nothing, and what is no interface and no address. */
static void test_empty(void **state)
{
	links = (struct packet){0};
	assert_int_equal(make(), 0);
	assert_null(list);
	packet_begin(&links, RTM_NEWROUTE, 0, 1);
	packet_begin(&addresses, RTM_NEWADDR, 0, 1);
	assert_int_equal(make(), 0);
	assert_null(list);
}

static void test_names(void **state)
{
	struct if_nameindex *names = NULL;

	packet_link(&links, 1, 3, "0123456789abcde");
	assert_int_equal(linkmsg_names(packet_span(&links), &names), 0);
	assert_string_equal(names[0].if_name, "lo");
	assert_string_equal(names[1].if_name, "eth0");
	assert_int_equal(names[1].if_index, 7);
	assert_string_equal(names[2].if_name, "0123456789abcde");
	assert_null(names[3].if_name);
	assert_int_equal(names[3].if_index, 0);
	/* By libc's own function. */
	if_freenameindex(names);
	links = (struct packet){0};
	assert_int_equal(linkmsg_names(packet_span(&links), &names), 0);
	assert_null(names[0].if_name);
	listing_names_free(names);
}

/* ---- /proc/net/if_inet6 ---- */

static const struct {
	unsigned index;
	const char *name, *peer, *local;
	unsigned char prefix, scope, flags;
	const char *line;
} lines[] = {
	{1, "lo", "::1", "", 128, RT_SCOPE_HOST, 0x80,
		"00000000000000000000000000000001 01 80 10 80       lo\n"},
	{7, "eth0", "fe80::1", "", 64, RT_SCOPE_LINK, 0xc0,
		"fe800000000000000000000000000001 07 40 20 c0     eth0\n"},
	{4096, "0123456789abcde", "fec0::1", "", 10, RT_SCOPE_SITE, 0,
		"fec00000000000000000000000000001 1000 0a 40 00 0123456789abcde\n"},
	{0xffffffff, "12345678", "2001:db8::2", "2001:db8::1", 255, RT_SCOPE_UNIVERSE, 1,
		"20010db8000000000000000000000001 ffffffff ff 00 01 12345678\n"},
	{7, "eth0", "10.0.0.1", "", 24, RT_SCOPE_UNIVERSE, 0, ""},
};

static void test_inet6(void **state)
{
	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		_cleanup_fd_ int fd = -1;
		struct ifaddrmsg fixed = {
			.ifa_family = strchr(lines[i].peer, ':') ? AF_INET6 : AF_INET,
			.ifa_index = lines[i].index,
			.ifa_prefixlen = lines[i].prefix,
			.ifa_scope = lines[i].scope,
			.ifa_flags = lines[i].flags,
		};
		char text[128];

		links = addresses = (struct packet){0};
		packet_link(&links, 1, 3, "other");
		packet_link(&links, 1, (int)lines[i].index, lines[i].name);
		packet_begin(&addresses, RTM_NEWADDR, 0, 1);
		packet_add(&addresses, &fixed, sizeof(fixed));
		add_text(IFA_ADDRESS, lines[i].peer);
		add_text(IFA_LOCAL, lines[i].local);
		fd = inet6_file(packet_span(&links), packet_span(&addresses));
		assert_true(fd >= 0 && fd_is_cloexec(fd));
		assert_int_equal(read(fd, text, sizeof(text)), strlen(lines[i].line));
		assert_memory_equal(text, lines[i].line, strlen(lines[i].line));
		assert_int_equal(write(fd, "", 1), -1);
	}
}

static void test_inet6_wrong(void **state)
{
	unsigned before = fds_count();

	packet_address(&addresses, 1, 8, AF_INET6, 64);
	packet_attribute(&addresses, IFA_ADDRESS, links.bytes, 16);
	assert_int_equal(inet6_file(packet_span(&links), packet_span(&addresses)), -EAGAIN);
	assert_int_equal(fds_count(), before);
}

/* Who has made a list is known of some, and of each only once. */
static void test_remember(void **state)
{
	static char lists[100];
	unsigned known = 0;

	assert_false(listing_forget(&lists[0]));
	assert_false(listing_forget(NULL));
	for (size_t i = 0; i < sizeof(lists); i++)
		listing_remember(&lists[i]);
	for (size_t i = 0; i < sizeof(lists); i++)
		known += listing_forget(&lists[i]);
	assert_in_range(known, 16, sizeof(lists) - 1);
	for (size_t i = 0; i < sizeof(lists); i++)
		assert_false(listing_forget(&lists[i]));
	listing_remember(&lists[3]);
	assert_false(listing_forget(&lists[4]));
	assert_false(listing_forget(NULL));
	assert_true(listing_forget(&lists[3]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_addresses),
		TEST(test_other_families),
		TEST(test_lengths),
		TEST(test_hardware),
		TEST(test_counters),
		TEST(test_label),
		TEST(test_unknown_interface),
		TEST(test_no_name),
		TEST(test_empty),
		TEST(test_names),
		TEST(test_inet6),
		TEST(test_inet6_wrong),
		TEST(test_remember),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
