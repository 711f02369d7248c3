/* SPDX-License-Identifier: MIT */
/*
 * Each socket has a slot (slots.c) with room for a kilobyte of options. What a socket had set
 * whose slot was given away is only known by reading it back.
 *
 * What could not be recorded makes the slot `lossy`. If it cannot be read back either, the socket
 * is remembered as one that has lost something.
 *
 * Later settings replace earlier ones of the same option and move to the end. Those that add up
 * (memberships, keys) are all kept; one that takes back an earlier one removes that instead.
 */
#include "preload/journal.h"

#include "preload/memory.h"
#include "preload/slots.h"
#include "preload/socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>

/* Options that add to what was set before, and the ones that take it back (0: there is none). */
static const struct {
	int level, name, undo;
} additive[] = {
	{IPPROTO_IP, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP},
	{IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP},
	{IPPROTO_IP, IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE},
	{IPPROTO_IP, IP_MSFILTER, 0},
	{IPPROTO_IP, MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP},
	{IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP},
	{IPPROTO_IP, MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE},
	{IPPROTO_IP, MCAST_MSFILTER, 0},
	{IPPROTO_IPV6, IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP},
	{IPPROTO_IPV6, IPV6_JOIN_ANYCAST, IPV6_LEAVE_ANYCAST},
	{IPPROTO_IPV6, MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP},
	{IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP},
	{IPPROTO_IPV6, MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE},
	{IPPROTO_IPV6, MCAST_MSFILTER, 0},
	{IPPROTO_TCP, TCP_MD5SIG, 0},
	{IPPROTO_TCP, TCP_MD5SIG_EXT, 0},
	{IPPROTO_TCP, 38 /* TCP_AO_ADD_KEY */, 0},
	{IPPROTO_TCP, 39 /* TCP_AO_DEL_KEY */, 0},
};

static bool is_additive(int level, int name)
{
	for (size_t i = 0; i < sizeof(additive) / sizeof(additive[0]); i++) {
		if (additive[i].level == level &&
			(additive[i].name == name || (additive[i].undo == name && name != 0)))
			return true;
	}
	return false;
}

/* The option that this one takes back, or 0. */
static int undone_by(int level, int name)
{
	for (size_t i = 0; i < sizeof(additive) / sizeof(additive[0]); i++) {
		if (additive[i].level == level && additive[i].undo == name && name != 0)
			return additive[i].name;
	}
	return 0;
}

/* Whether reading back does not find it. */
static bool is_unreadable(int level, int name)
{
	return is_additive(level, name) ||
	       (level == SOL_SOCKET &&
		       (name == SO_ATTACH_REUSEPORT_CBPF || name == SO_DETACH_REUSEPORT_BPF));
}

static struct journal_option option_at(const uint8_t *arena, size_t position)
{
	struct journal_option option;

	memcpy(&option, arena + position, sizeof(option));
	return option;
}

/*
 * Removes the options of that name; if value is not NULL only the one of that value. Returns
 * whether there was one.
 */
static bool slot_remove(struct slot *slot, int level, int name, const void *value, size_t length)
{
	bool removed = false;
	size_t position = 0;

	while (position < slot->used) {
		struct journal_option option = option_at(slot->arena, position);
		size_t size = sizeof(option) + option.length;
		uint8_t *start = slot->arena + position;

		if (option.level != level || option.name != name ||
			(value && (option.length != length ||
					  memcmp(start + sizeof(option), value, length) != 0))) {
			position += size;
			continue;
		}
		memmove(start, start + size, slot->used - position - size);
		slot->used = (uint16_t)(slot->used - size);
		removed = true;
	}
	return removed;
}

/* Removes what a setting makes void: a socket has one filter, however that was attached. */
static void slot_remove_replaced(struct slot *slot, int level, int name)
{
	static const int programs[][3] = {
		{SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_DETACH_FILTER},
		{SO_ATTACH_REUSEPORT_CBPF, SO_ATTACH_REUSEPORT_EBPF, SO_DETACH_REUSEPORT_BPF},
	};

	for (int i = 0; level == SOL_SOCKET && i < 2; i++) {
		const int *program = programs[i];

		if (name != program[0] && name != program[1] && name != program[2])
			continue;
		for (int j = 0; j < 3; j++)
			slot_remove(slot, level, program[j], NULL, 0);
	}
	if (!is_additive(level, name))
		slot_remove(slot, level, name, NULL, 0);
}

/* Copies a value as far as it can be read, and zeros for the rest. Returns how far that was. */
static size_t copy_readable(void *to, const void *from, size_t length)
{
	size_t readable = memory_readable(from, length);

	if (readable > 0)
		memcpy(to, from, readable);
	memset((char *)to + readable, 0, length - readable);
	return readable;
}

/* A setting that is to be recorded. */
struct setting {
	struct journal_option option;
	uint8_t value[JOURNAL_ARENA - sizeof(struct journal_option)];
};

/* The instructions, where they fit and are there. */
static void setting_program(struct setting *setting, const void *value, size_t length)
{
	struct sock_fprog program;
	size_t size;

	if (length < sizeof(program) ||
		copy_readable(&program, value, sizeof(program)) < sizeof(program))
		return;
	size = program.len * sizeof(struct sock_filter);
	if (size > sizeof(setting->value) ||
		copy_readable(setting->value, program.filter, size) < size)
		return;
	setting->option.length = (uint16_t)size;
	setting->option.kind = JOURNAL_PROGRAM;
}

/*
 * What is to be kept of a value: itself, the instructions that it points to, or nothing where it
 * names a descriptor (of a BPF program), which may be another one by then.
 */
static void setting_copy(
	struct setting *setting, int level, int name, const void *value, size_t length)
{
	setting->option = (struct journal_option){
		.level = level,
		.name = name,
		.kind = JOURNAL_UNCARRIED,
	};
	if (level == SOL_SOCKET && (name == SO_ATTACH_BPF || name == SO_ATTACH_REUSEPORT_EBPF))
		return;
	if (level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF)) {
		setting_program(setting, value, length);
		return;
	}
	if (length > JOURNAL_VALUE_MAX ||
		(length > 0 && copy_readable(setting->value, value, length) == 0))
		return;
	setting->option.length = (uint16_t)length;
	setting->option.kind = JOURNAL_VALUE;
}

/* Returns false where there is no room. */
static bool slot_append(struct slot *slot, const struct setting *setting)
{
	size_t size = sizeof(setting->option) + setting->option.length;

	if (slot->used + size > sizeof(slot->arena)) {
		atomic_store(&slot->lossy, true);
		return false;
	}
	memcpy(slot->arena + slot->used, setting, size);
	slot->used = (uint16_t)(slot->used + size);
	return true;
}

static void slot_record(uint64_t cookie, struct slot *slot, const struct setting *setting)
{
	int level = setting->option.level, name = setting->option.name;
	int undone = undone_by(level, name);

	if (undone && slot_remove(slot, level, undone, setting->value, setting->option.length))
		return;
	slot_remove_replaced(slot, level, name);
	if (!is_unreadable(level, name))
		slot_append(slot, setting);
	else if (slot_append(slot, setting))
		slot->precious = true;
	else
		slots_lose(cookie);
}

void journal_record(uint64_t cookie, int level, int name, const void *value, socklen_t length)
{
	struct setting setting;
	struct slot *slot;

	if (cookie == 0)
		return;
	setting_copy(&setting, level, name, value, length);
	if (slots_get(cookie, &slot) == 0) {
		slot_record(cookie, slot, &setting);
		slots_release(slot);
	} else if (is_unreadable(level, name)) {
		slots_lose(cookie);
	}
}

/* Sockets that are bound already, as accepted ones are, will not be replaced any more. */
void journal_observe(int fd, int level, int name, const void *value, socklen_t length)
{
	struct sockaddr_in6 address = {0};
	socklen_t address_length = sizeof(address);
	int saved_errno = errno;

	if (getsockname(fd, (struct sockaddr *)&address, &address_length) == 0 &&
		(address.sin6_family == AF_INET || address.sin6_family == AF_INET6) &&
		address.sin6_port == 0)
		journal_record(socket_cookie_of(fd), level, name, value, length);
	errno = saved_errno;
}

enum journal_outcome journal_read(uint64_t cookie, struct journal *ret)
{
	struct slot *slot;
	int r;

	ret->used = 0;
	ret->lossy = ret->lost = false;
	if (cookie == 0)
		return JOURNAL_NONE;
	r = slots_find(cookie, &slot);
	ret->lost = r == -EBUSY || slots_lost(cookie);
	ret->lossy = ret->lost || slots_forget();
	if (r < 0)
		return r == -EBUSY ? JOURNAL_BUSY : JOURNAL_NONE;
	ret->used = slot->used;
	ret->lossy = ret->lossy || atomic_load(&slot->lossy);
	memcpy(ret->arena, slot->arena, ret->used);
	slots_release(slot);
	return JOURNAL_READ;
}

bool journal_next(
	const struct journal *journal, size_t *position, struct journal_option *ret, void *value)
{
	if (*position >= journal->used)
		return false;
	*ret = option_at(journal->arena, *position);
	memcpy(value, journal->arena + *position + sizeof(*ret), ret->length);
	*position += sizeof(*ret) + ret->length;
	return true;
}
