/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_FAKE_BROKER_H
#define XSOCKET_TESTS_FAKE_BROKER_H

/*
 * A broker that plays a script, right or wrong, in a process of its own: so the descriptors of the
 * test's process are those of the library alone.
 *
 * Connection k is served by connections[k], a list of actions that ends with FAKE_HANG_UP; the
 * last list serves all further connections. Each connection has a thread.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum fake_what {
	FAKE_DO_HANG_UP,
	FAKE_DO_REQUEST,
	FAKE_DO_DESCRIPTORS,
	FAKE_DO_VERDICT,
	FAKE_DO_RAW,
	FAKE_DO_SERVE,
	FAKE_DO_GATE,
	FAKE_DO_WAIT,
};

/* What is sent where sockets or a file are asked for. */
enum fake_kind {
	FAKE_ASKED, /* what was asked for, a file "file NUMBER\n"; TCP where nothing was */
	FAKE_TCP,
	FAKE_UDP,
	FAKE_UNIX,
	FAKE_PIPE,
	FAKE_DEVICE,
	FAKE_DIRECTORY,
	FAKE_ONE_ASKED, /* and the others are pipes */
	FAKE_WRITABLE, /* from here on the file, opened in another way */
	FAKE_WRITE_ONLY,
	FAKE_PATH,
};

struct fake_action {
	enum fake_what what;
	uint32_t a, b;
	enum fake_kind kind;
	const void *bytes;
	size_t size;
};

/* Closes the connection, whatever is unread. */
#define FAKE_HANG_UP {.what = FAKE_DO_HANG_UP}
/* Receives a request. */
#define FAKE_REQUEST {.what = FAKE_DO_REQUEST}
/* Sends a DESCRIPTORS message that says `claimed`, with `sent` descriptors. */
#define FAKE_DESCRIPTORS(claimed, sent, of)                                                        \
	{.what = FAKE_DO_DESCRIPTORS, .a = (claimed), .b = (sent), .kind = (of)}
/* Sends a VERDICT message without descriptors. */
#define FAKE_VERDICT(error, count) {.what = FAKE_DO_VERDICT, .a = (error), .b = (count)}
/* Sends the bytes of a string with `sent` descriptors. */
#define FAKE_RAW(text, sent)                                                                       \
	{.what = FAKE_DO_RAW, .b = (sent), .bytes = (text), .size = sizeof(text) - 1}
/* Serves requests as a broker does, until the client hangs up. */
#define FAKE_SERVE {.what = FAKE_DO_SERVE}
/* Waits for fake_broker_open_gate(). */
#define FAKE_GATE {.what = FAKE_DO_GATE}
/* Waits until the client hangs up. */
#define FAKE_WAIT {.what = FAKE_DO_WAIT}

/* What the broker tells while it runs, in shared memory. */
struct fake_counts {
	atomic_uint connections;
	atomic_uint requests; /* understood, by REQUEST and SERVE */
	atomic_uint strays;   /* packets that are no request */
	atomic_uint gated;    /* how many have come to a gate */
	atomic_uint last_cpu, last_flags; /* of the last request */
	atomic_uint max_batch; /* of SERVE, to be set by the test */
	atomic_bool one_by_one; /* waits after each packet until it was read; set by the test */
};

struct fake_broker {
	char server[64]; /* its name, abstract and unique */
	pid_t pid;
	int gate;
	struct fake_counts *counts;
};

/* A right broker. */
extern const struct fake_action fake_serve[];

/* Starts one that accepts from the moment of return on. connections is terminated by NULL. */
void fake_broker_start(
	struct fake_broker *broker, const struct fake_action *const *connections);

/* Ends it at once, as if killed, and waits until it is gone. */
void fake_broker_stop(struct fake_broker *broker);

/*
 * The same at the end of a test that had so many descriptors once it was started: asserts that there
 * are no more, and that no packet was anything but a request.
 */
void fake_broker_end(struct fake_broker *broker, unsigned fds_before);

/* Starts one with the name of one that was stopped. */
void fake_broker_restart(
	struct fake_broker *broker, const struct fake_action *const *connections);

/* Lets one connection pass a gate, now or when it comes there. */
void fake_broker_open_gate(struct fake_broker *broker);

/* Waits until n connections have come to a gate, 10 seconds at most. Safe in any thread. */
void fake_broker_wait_gated(const struct fake_broker *broker, unsigned n);

#endif
