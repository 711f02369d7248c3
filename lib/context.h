/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_LIB_CONTEXT_H
#define XSOCKET_LIB_CONTEXT_H

/*
 * The contexts of a thread: a stack of SERVER names, pushed by xsocket_push().
 *
 * There is one stack for each thread of a process, whichever library asks. libxsocket.so and a
 * preloaded library that has this code linked in both export xsocket_context_1(), call it as a
 * function that others may define, and so all get the first one that the dynamic linker finds:
 * the preloaded one. It has to be in the version script of a preloaded library, without a version.
 *
 * Nothing here takes a lock or calls malloc(3).
 */

struct context_slot;
struct context_page;

/*
 * The stack of a thread, or a copy of one. All zeros is an empty one, without memory. The layout is
 * shared by libraries that may be of different releases: another one gets another number in the
 * name of xsocket_context_1().
 */
struct context {
	struct context_slot *top;   /* NULL: nothing is pushed */
	struct context_slot *next;  /* the next one to be used, if there is one */
	struct context_page *pages; /* what all slots are in, the last one first */
};

/* The stack of the calling thread. Exported; not for others than context.c. */
struct context *xsocket_context_1(void);

/*
 * The current SERVER, "." for the caller's own namespace, or NULL where nothing is pushed. Valid
 * until the thread pushes or pops. No system call; safe in signal handlers.
 */
const char *context_current(void);

/*
 * Which broker a SERVER of NULL means: that of the current context; NULL, which is the default one,
 * where nothing is pushed or ".".
 */
const char *context_server(void);

/*
 * For a thread that is to begin with the contexts of the one that creates it: that one makes a
 * copy and hands it over, the new one adopts it. A copy of an empty stack needs no memory.
 *
 * context_copy() returns 0, or -ENOMEM and *ret is empty. Each copy is either adopted, by a thread
 * that has pushed nothing yet, or dropped; *copy is then empty.
 */
int context_copy(struct context *ret);
void context_adopt(struct context *copy);
void context_drop(struct context *copy);

#endif
