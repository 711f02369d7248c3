/* SPDX-License-Identifier: MIT */
/*
 * A stack of SERVER names for each thread.
 *
 * Slots of equal size are strung together by `after` in the order in which they will be used, and
 * the used ones by `below`. They are in pages that are mapped, as malloc(3) is not for a preloaded
 * hook, and are kept until the thread ends (pthread_key_create(3)).
 *
 * A signal handler that interrupts any of this may push, as long as it pops what it pushed, and
 * may read. So nothing has to be atomic, but the order counts: a push takes its slot away before it
 * writes there, and shows it only when it is complete. A pop hides the slot before it gives it
 * back. A handler in between then uses other slots, and leaves all as it was. Only what happens
 * once for many pushes, another page, is done with signals blocked.
 *
 * A handler that jumps out of a push loses the slot, until something below it is popped.
 */
#include "lib/context.h"

#include "lib/xsocket.h"

#include "common/address.h"
#include "common/cancel.h"
#include "common/export.h"
#include "common/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define MAP_UNIT 4096u /* of a mapping, rounded up by the kernel where its own are larger */

struct context_slot {
	struct context_slot *after; /* NULL: there is none yet, and this one must not be used */
	struct context_slot *below;
	char server[ADDRESS_SERVER_SIZE];
};

struct context_page {
	struct context_page *older;
	size_t size; /* in bytes */
	struct context_slot slots[];
};

/*
 * The general model would let the dynamic linker call malloc(3) at the first use in a thread. musl
 * does not, and takes no library with this model by dlopen(3).
 */
#ifdef __GLIBC__
__attribute__((tls_model("initial-exec")))
#endif
static __thread struct context thread_context;

/* A pthread_key_t and 1, or 0: not made yet. */
static atomic_uintptr_t key_made;

/* Weak: so that no compiler knows better than to call whichever is found first. */
EXPORT __attribute__((weak)) struct context *xsocket_context_1(void)
{
	return &thread_context;
}

/* What the compiler must not move a store across; the processor has no part in it. */
static void in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static void thread_ends(void *context)
{
	context_drop(context);
}

/* The value of key_made, or 0: there is no key left. */
static uintptr_t make_key(void)
{
	uintptr_t made = atomic_load(&key_made);
	pthread_key_t key;

	if (made != 0 || pthread_key_create(&key, thread_ends) != 0)
		return made;
	if (atomic_compare_exchange_strong(&key_made, &made, (uintptr_t)key + 1))
		return (uintptr_t)key + 1;
	pthread_key_delete(key);
	return made;
}

/* Early, since glibc calls malloc(3) for values of keys behind the first 32. */
__attribute__((constructor)) static void context_load(void)
{
	make_key();
}

/* Makes thread_ends() run at the end of this thread. */
static int watch_thread(struct context *context)
{
	uintptr_t made = make_key();

	if (made == 0)
		return -ENOMEM;
	return pthread_setspecific((pthread_key_t)(made - 1), context) == 0 ? 0 : -ENOMEM;
}

/* A page with at least that many slots, which are strung together. */
static struct context_page *page_map(size_t slots)
{
	size_t size = sizeof(struct context_page) + slots * sizeof(struct context_slot);
	struct context_page *page;

	size = (size + MAP_UNIT - 1) / MAP_UNIT * MAP_UNIT;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	page->size = size;
	slots = (size - sizeof(*page)) / sizeof(page->slots[0]);
	for (size_t i = 1; i < slots; i++)
		page->slots[i - 1].after = &page->slots[i];
	return page;
}

static bool is_full(const struct context *context)
{
	return !context->next || !context->next->after;
}

static int add_page(struct context *context)
{
	struct context_page *page = page_map(1);

	if (!page)
		return -ENOMEM;
	if (!context->pages && watch_thread(context) < 0) {
		munmap(page, page->size);
		return -ENOMEM;
	}
	page->older = context->pages;
	context->pages = page;
	if (context->next)
		context->next->after = page->slots;
	else
		context->next = page->slots;
	return 0;
}

/* The same unless a handler did it. */
static int make_room(struct context *context)
{
	struct cancel cancel;
	sigset_t signals;
	int r = 0;

	cancel_hold(&cancel);
	signals_hold(&signals);
	if (is_full(context))
		r = add_page(context);
	signals_release(&signals);
	cancel_release(&cancel);
	return r;
}

static int push(const char *server)
{
	struct context *context = xsocket_context_1();
	struct context_slot *slot;
	int r;

	if (is_full(context)) {
		r = make_room(context);
		if (r < 0)
			return r;
	}
	slot = context->next;
	context->next = slot->after;
	in_order();
	strcpy(slot->server, server);
	slot->below = context->top;
	in_order();
	context->top = slot;
	return 0;
}

static int pop(void)
{
	struct context *context = xsocket_context_1();
	struct context_slot *slot = context->top;

	if (!slot)
		return -ENOENT;
	context->top = slot->below;
	in_order();
	context->next = slot;
	return 0;
}

const char *context_current(void)
{
	const struct context_slot *slot = xsocket_context_1()->top;

	return slot ? slot->server : NULL;
}

const char *context_server(void)
{
	const char *current = context_current();

	return current && strcmp(current, ".") != 0 ? current : NULL;
}

int context_copy(struct context *ret)
{
	const struct context *context = xsocket_context_1();
	const struct context_slot *slot;
	struct context_page *page;
	size_t depth = 0;

	*ret = (struct context){0};
	for (slot = context->top; slot; slot = slot->below)
		depth++;
	if (depth == 0)
		return 0;
	page = page_map(depth + 1);
	if (!page)
		return -ENOMEM;
	*ret = (struct context){&page->slots[depth - 1], &page->slots[depth], page};
	for (slot = context->top; slot; slot = slot->below) {
		struct context_slot *copy = &page->slots[--depth];

		strcpy(copy->server, slot->server);
		copy->below = depth > 0 ? copy - 1 : NULL;
	}
	return 0;
}

void context_adopt(struct context *copy)
{
	struct context *context = xsocket_context_1();

	/* Where that fails, at 1024 keys, it is not given back: better than to be elsewhere. */
	if (copy->pages)
		watch_thread(context);
	*context = *copy;
	*copy = (struct context){0};
}

void context_drop(struct context *copy)
{
	struct context_page *page = copy->pages, *older;

	*copy = (struct context){0};
	in_order();
	for (; page; page = older) {
		older = page->older;
		munmap(page, page->size);
	}
}

/* ---- what is exported ---- */

static int as_libc(int r, int saved_errno)
{
	errno = r < 0 ? -r : saved_errno;
	return r < 0 ? -1 : r;
}

EXPORT int xsocket_push(const char *server)
{
	int saved_errno = errno, r = 0;
	struct address address;

	if (!server)
		server = ADDRESS_DEFAULT;
	if (strcmp(server, ".") != 0)
		r = address_from_server(server, &address);
	if (r == 0)
		r = push(server);
	return as_libc(r, saved_errno);
}

EXPORT int xsocket_pop(void)
{
	return as_libc(pop(), errno);
}

EXPORT const char *xsocket_current(void)
{
	return context_current();
}
