/* SPDX-License-Identifier: MIT */
/*
 * Each socket has a slot (slots.c) with room for a kilobyte of options, or for more where that
 * does not do. What a socket had set whose slot was given away is only known by reading it back.
 *
 * An entry is a struct journal_option and its value, each padded to 8 bytes.
 *
 * What could not be recorded makes the slot `lossy`. If it cannot be read back either, the socket
 * is remembered as one that has lost something.
 *
 * Later settings replace earlier ones of the same option and move to the end. Those that add up
 * (memberships, keys) are all kept; one that takes back an earlier one removes that instead, where
 * that is the same.
 */
#include "preload/journal.h"

#include "preload/bpf.h"
#include "preload/memory.h"
#include "preload/options-table.h"
#include "preload/slots.h"
#include "preload/socket.h"
#include "preload/traits.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

static size_t padded(size_t length)
{
	return (length + 7) & ~(size_t)7;
}

static size_t entry_size(size_t length)
{
	return sizeof(struct journal_option) + padded(length);
}

/*
 * Removes the options of that name; if value is not NULL only the one of that value. Returns
 * whether there was one.
 */
static bool slot_remove(struct slot *slot, int level, int name, const void *value, size_t length)
{
	uint8_t *bytes = slots_bytes(slot);
	bool removed = false;
	size_t position = 0;

	while (position < slot->used) {
		const struct journal_option *option = (const void *)(bytes + position);
		size_t size = entry_size(option->length);

		if (option->level != level || option->name != name ||
			(value && (option->length != length ||
					  memcmp(option + 1, value, length) != 0))) {
			position += size;
			continue;
		}
		memmove(bytes + position, bytes + position + size, slot->used - position - size);
		slot->used -= (uint32_t)size;
		removed = true;
	}
	return removed;
}

/* Removes what a setting makes void: a socket has one filter, however that was attached. */
static void slot_remove_replaced(struct slot *slot, int level, int name, const struct trait *trait)
{
	for (int i = 0; trait->group && i < 3; i++)
		slot_remove(slot, level, trait->group[i], NULL, 0);
	if (!trait->additive && !trait->group)
		slot_remove(slot, level, name, NULL, 0);
}

/*
 * How much of a value can be read. The kernel has just read its beginning, and so could we the
 * rest of that page.
 */
static size_t value_readable(const void *value, size_t length)
{
	if ((uintptr_t)value >= MEMORY_PAGE &&
		(uintptr_t)value % MEMORY_PAGE + length <= MEMORY_PAGE)
		return length;
	return memory_readable(value, length);
}

/* Copies a value as far as it can be read, and zeros for the rest. Returns how far that was. */
static size_t copy_readable(void *to, const void *from, size_t length)
{
	size_t readable = value_readable(from, length);

	if (readable > 0)
		memcpy(to, from, readable);
	memset((char *)to + readable, 0, length - readable);
	return readable;
}

/* Appends the value. Returns false where there is no room. */
static bool append_value(
	struct slot *slot, struct journal_option option, const void *value, size_t length)
{
	uint8_t *room = slots_reserve(slot, entry_size(length));

	if (!room)
		return false;
	memset(room + entry_size(length) - 8, 0, 8);
	if (length > JOURNAL_VALUE_MAX ||
		(length > 0 && copy_readable(room + sizeof(option), value, length) == 0))
		option.kind = JOURNAL_UNCARRIED;
	else
		option.length = (uint32_t)length;
	memcpy(room, &option, sizeof(option));
	slot->used += (uint32_t)entry_size(option.length);
	return true;
}

/* Appends the instructions, all of which are needed. */
static bool append_program(
	struct slot *slot, struct journal_option option, const void *value, size_t length)
{
	struct sock_fprog program;
	size_t size;

	if (length < sizeof(program) ||
		copy_readable(&program, value, sizeof(program)) < sizeof(program))
		return false;
	size = program.len * sizeof(struct sock_filter);
	option.kind = JOURNAL_PROGRAM;
	return memory_readable(program.filter, size) == size &&
	       append_value(slot, option, program.filter, size);
}

/* Appends which program a descriptor stands for: it may be another one by then. */
static bool append_bpf(
	struct slot *slot, struct journal_option option, const void *value, size_t length)
{
	struct bpf_reference reference;
	int fd;

	if (length < sizeof(fd) || copy_readable(&fd, value, sizeof(fd)) < sizeof(fd) ||
		bpf_refer(fd, &reference) < 0)
		return false;
	option.kind = JOURNAL_BPF;
	return append_value(slot, option, &reference, sizeof(reference));
}

static bool append_uncarried(struct slot *slot, struct journal_option option)
{
	option.kind = JOURNAL_UNCARRIED;
	return append_value(slot, option, NULL, 0);
}

static bool slot_append(struct slot *slot, int level, int name, const struct trait *trait,
	const void *value, socklen_t length)
{
	struct journal_option option = {.level = level, .name = name, .kind = JOURNAL_VALUE};

	if (length > JOURNAL_VALUE_MAX)
		return append_uncarried(slot, option);
	if (trait->way == WAY_INSTRUCTIONS)
		return append_program(slot, option, value, length) ||
		       append_uncarried(slot, option);
	if (trait->way == WAY_DESCRIPTOR)
		return append_bpf(slot, option, value, length) || append_uncarried(slot, option);
	return append_value(slot, option, value, length);
}

/*
 * Whether of all that adds up there are only these two, of which one takes back the other. Else
 * the order counts: a membership that is left takes along the source filters set meanwhile.
 */
static bool slot_has_only(struct slot *slot, int level, int name, int undo)
{
	const uint8_t *bytes = slots_bytes(slot);

	for (size_t position = 0; position < slot->used;) {
		const struct journal_option *option = (const void *)(bytes + position);

		if (option->level == level && option->name != name && option->name != undo &&
			trait_of(level, option->name).additive)
			return false;
		position += entry_size(option->length);
	}
	return true;
}

static void slot_record(uint64_t cookie, struct slot *slot, int level, int name, const void *value,
	socklen_t length)
{
	struct trait trait = trait_of(level, name);

	if (trait.undoes && value_readable(value, length) == length &&
		slot_has_only(slot, level, trait.undoes, name) &&
		slot_remove(slot, level, trait.undoes, value, length))
		return;
	slot_remove_replaced(slot, level, name, &trait);
	if (slot_append(slot, level, name, &trait, value, length)) {
		if (trait.precious)
			atomic_store(&slot->precious, true);
		return;
	}
	atomic_store(&slot->lossy, true);
	if (trait.precious)
		slots_lose(cookie);
}

/* Whether the socket's slot was found or made, or its loss told; not so if it has none. */
static bool record_if(
	uint64_t cookie, bool make, int level, int name, const void *value, socklen_t length)
{
	struct slot *slot;
	int r = make ? slots_get(cookie, &slot) : slots_find(cookie, &slot);

	if (r == 0) {
		slot_record(cookie, slot, level, name, value, length);
		slots_release(slot);
	} else if (r == -EBUSY && trait_of(level, name).precious) {
		slots_lose(cookie);
	}
	return r != -ENOENT;
}

void journal_record(uint64_t cookie, int level, int name, const void *value, socklen_t length)
{
	if (cookie != 0)
		record_if(cookie, true, level, name, value, length);
}

/* Sockets that are bound already, as accepted ones are, will not be replaced any more. */
static bool is_observed(int fd)
{
	return socket_port_of(fd) == 0;
}

/* The cookies of some sockets that are not observed, so as not to ask for each of their options. */
static _Atomic uint64_t unobserved[64];

static _Atomic uint64_t *unobserved_at(uint64_t cookie)
{
	return &unobserved[cookie % (sizeof(unobserved) / sizeof(unobserved[0]))];
}

/* What is precious is looked at in any case: connect(2) to AF_UNSPEC may have undone a bind(2). */
static bool is_unobserved(uint64_t cookie, int level, int name)
{
	return atomic_load_explicit(unobserved_at(cookie), memory_order_relaxed) == cookie &&
	       !trait_of(level, name).precious;
}

void journal_observe(int fd, int level, int name, const void *value, socklen_t length)
{
	int saved_errno = errno;
	uint64_t cookie;

	if (option_reads_back(level, name))
		return;
	cookie = cookie_of_socket(fd);
	if (cookie == 0 || is_unobserved(cookie, level, name) ||
		record_if(cookie, false, level, name, value, length)) {
		errno = saved_errno;
		return;
	}
	if (is_observed(fd))
		record_if(cookie, true, level, name, value, length);
	else
		atomic_store_explicit(unobserved_at(cookie), cookie, memory_order_relaxed);
	errno = saved_errno;
}

void journal_forget(uint64_t cookie)
{
	slots_drop(cookie);
}

/* Room for the copy. Returns false when there is no memory. */
static bool journal_reserve(struct journal *journal, uint32_t size)
{
	void *pages;

	if (size <= sizeof(journal->own))
		return true;
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return false;
	journal->mapped = pages;
	return true;
}

static uint8_t *journal_bytes(struct journal *journal)
{
	return journal->mapped ? journal->mapped : journal->own;
}

enum journal_outcome journal_read(uint64_t cookie, struct journal *ret)
{
	struct slot *slot;
	int r;

	ret->used = 0;
	ret->mapped = NULL;
	ret->lossy = ret->lost = false;
	if (cookie == 0)
		return JOURNAL_NONE;
	r = slots_find(cookie, &slot);
	ret->lost = r == -EBUSY || slots_lost(cookie);
	ret->lossy = ret->lost || slots_forget();
	if (r < 0)
		return r == -EBUSY ? JOURNAL_BUSY : JOURNAL_NONE;
	ret->lossy = ret->lossy || atomic_load(&slot->lossy);
	if (journal_reserve(ret, slot->used)) {
		ret->used = slot->used;
		memcpy(journal_bytes(ret), slots_bytes(slot), ret->used);
	} else {
		ret->lossy = ret->lost = true;
	}
	slots_release(slot);
	return JOURNAL_READ;
}

void journal_free(struct journal *journal)
{
	if (journal->mapped)
		munmap(journal->mapped, journal->used);
	journal->mapped = NULL;
	journal->used = 0;
}

bool journal_next(
	struct journal *journal, size_t *position, struct journal_option *ret, void **ret_value)
{
	uint8_t *entry = journal_bytes(journal) + *position;

	if (*position >= journal->used)
		return false;
	memcpy(ret, entry, sizeof(*ret));
	*ret_value = entry + sizeof(*ret);
	*position += entry_size(ret->length);
	return true;
}
