/* SPDX-License-Identifier: MIT */
/*
 * A table in .bss of SLOTS slots, one for a socket, each with room for a kilobyte of options.
 * Pages that were never written cost nothing. When all are taken the one that was unused for
 * longest is given away, and what its socket had set is then only known by reading it back.
 *
 * keys[i] is the cookie of slot i, 0 when it is free. A slot is changed and copied only with its
 * lock held, which is taken at the first try or not at all: a signal handler may have interrupted
 * its owner. What could not be recorded for that reason makes the slot `lossy`.
 *
 * Later settings replace earlier ones of the same option and move to the end. Those that add up
 * (memberships, keys) are all kept; one that takes back an earlier one removes that instead.
 */
#include "preload/journal.h"

#include <linux/filter.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>

#define SLOTS 256

struct slot {
	atomic_flag locked;
	atomic_bool lossy;
	uint16_t used;
	uint8_t arena[JOURNAL_ARENA];
};

static _Atomic uint64_t keys[SLOTS];
static _Atomic uint64_t stamps[SLOTS]; /* when it was last used, by `clock` */
static _Atomic uint64_t clock_now;
static struct slot slots[SLOTS];

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

static bool slot_lock(struct slot *slot)
{
	return !atomic_flag_test_and_set_explicit(&slot->locked, memory_order_acquire);
}

static void slot_unlock(struct slot *slot)
{
	atomic_flag_clear_explicit(&slot->locked, memory_order_release);
}

static void slot_touch(int i)
{
	uint64_t now = atomic_fetch_add_explicit(&clock_now, 1, memory_order_relaxed) + 1;

	atomic_store_explicit(&stamps[i], now, memory_order_relaxed);
}

static int slot_find(uint64_t cookie)
{
	for (int i = 0; i < SLOTS; i++) {
		if (atomic_load_explicit(&keys[i], memory_order_relaxed) == cookie)
			return i;
	}
	return -1;
}

/* Locks the slot of a socket. -1: it has none, -2: somebody else has it locked. */
static int slot_take(uint64_t cookie)
{
	int i = slot_find(cookie);

	if (i < 0)
		return -1;
	if (!slot_lock(&slots[i])) {
		atomic_store(&slots[i].lossy, true);
		return -2;
	}
	/* It may have been given away just before. */
	if (atomic_load(&keys[i]) != cookie) {
		slot_unlock(&slots[i]);
		return -1;
	}
	return i;
}

static int slot_oldest(void)
{
	uint64_t oldest = UINT64_MAX;
	int best = 0;

	for (int i = 0; i < SLOTS; i++) {
		uint64_t stamp = atomic_load_explicit(&stamps[i], memory_order_relaxed);

		if (atomic_load_explicit(&keys[i], memory_order_relaxed) == 0)
			return i;
		if (stamp < oldest) {
			oldest = stamp;
			best = i;
		}
	}
	return best;
}

/* Gives a socket that has no slot a fresh one, locked; or returns -1. */
static int slot_give(uint64_t cookie)
{
	int i = slot_oldest();

	if (!slot_lock(&slots[i]))
		return -1;
	slots[i].used = 0;
	atomic_store(&slots[i].lossy, false);
	slot_touch(i);
	atomic_store(&keys[i], cookie);
	/* Two threads may do this for one socket at once; one of them, or both, give up. */
	for (int j = 0; j < SLOTS; j++) {
		if (j != i && atomic_load(&keys[j]) == cookie) {
			atomic_store(&slots[j].lossy, true);
			atomic_store(&keys[i], 0);
			slot_unlock(&slots[i]);
			return -1;
		}
	}
	return i;
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

static void slot_append(struct slot *slot, const struct journal_option *option, const void *value)
{
	if (slot->used + sizeof(*option) + option->length > sizeof(slot->arena)) {
		atomic_store(&slot->lossy, true);
		return;
	}
	memcpy(slot->arena + slot->used, option, sizeof(*option));
	slot->used = (uint16_t)(slot->used + sizeof(*option));
	if (option->length > 0)
		memcpy(slot->arena + slot->used, value, option->length);
	slot->used = (uint16_t)(slot->used + option->length);
}

/*
 * What is to be kept of a value: itself, the instructions that it points to, or nothing where it
 * names a descriptor (of a BPF program), which may be another one by then.
 */
static struct journal_option option_from(int level, int name, const void **value, socklen_t length)
{
	struct journal_option option = {.level = level, .name = name, .kind = JOURNAL_UNCARRIED};

	if (level == SOL_SOCKET && (name == SO_ATTACH_BPF || name == SO_ATTACH_REUSEPORT_EBPF))
		return option;
	if (level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF)) {
		struct sock_fprog program;
		size_t size;

		if (length < sizeof(program))
			return option;
		memcpy(&program, *value, sizeof(program));
		size = program.len * sizeof(struct sock_filter);
		if (size > JOURNAL_ARENA - sizeof(option))
			return option;
		*value = program.filter;
		option.length = (uint16_t)size;
		option.kind = JOURNAL_PROGRAM;
		return option;
	}
	if (length > JOURNAL_VALUE_MAX || (length > 0 && !*value))
		return option;
	option.length = (uint16_t)length;
	option.kind = JOURNAL_VALUE;
	return option;
}

void journal_record(uint64_t cookie, int level, int name, const void *value, socklen_t length)
{
	struct journal_option option = option_from(level, name, &value, length);
	int undone = undone_by(level, name);
	struct slot *slot;
	int i;

	if (cookie == 0)
		return;
	i = slot_take(cookie);
	if (i == -1)
		i = slot_give(cookie);
	if (i < 0)
		return;
	slot = &slots[i];
	slot_touch(i);
	if (undone && slot_remove(slot, level, undone, value, option.length)) {
		slot_unlock(slot);
		return;
	}
	slot_remove_replaced(slot, level, name);
	slot_append(slot, &option, value);
	slot_unlock(slot);
}

bool journal_read(uint64_t cookie, struct journal *ret)
{
	int i;

	if (cookie == 0)
		return false;
	i = slot_take(cookie);
	if (i < 0)
		return false;
	ret->used = slots[i].used;
	ret->lossy = atomic_load(&slots[i].lossy);
	memcpy(ret->arena, slots[i].arena, ret->used);
	slot_unlock(&slots[i]);
	return true;
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
