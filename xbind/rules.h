/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XBIND_RULES_H
#define XSOCKET_XBIND_RULES_H

/*
 * XBIND, which ports are bound elsewhere: rules separated by blanks, the first that fits counts.
 *
 *   3000  8000-8010  *  0     a port, a range, every port but 0, the port that bind(2) chooses
 *   tcp:3000  udp:53          of one protocol only
 *   3000=TARGET               at another port or address there (target.h)
 *   3000@SERVER               by another broker than the default one
 *
 * All of it, in this order: tcp:3000=127.0.0.1:8080@SERVER. TCP stands for all stream protocols
 * (MPTCP, SCTP), UDP for all datagram ones (UDP-Lite). No system calls, no allocation.
 */

#include "xbind/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_MAX	64
#define RULES_NAMES_MAX 1024 /* bytes of all the different names together */

enum rule_protocol {
	RULE_TCP = 1,
	RULE_UDP = 2,
};

/* Small, since all of them are looked at for each bind(2). */
struct rule {
	uint8_t protocols; /* enum rule_protocol, or both */
	uint16_t first, last;
	uint16_t server; /* offset in rules.names, 0: the default one */
};

struct rules {
	unsigned count;
	struct rule rule[RULES_MAX];
	struct target target[RULES_MAX]; /* of the rule of the same number */
	uint16_t names_used;
	char names[RULES_NAMES_MAX];
};

/* What is wrong with a text that is not rules. */
struct rules_error {
	const char *reason; /* and what to write instead */
	const char *rule;   /* in the text, not terminated */
	size_t length;
	size_t position; /* of the rule in the text, the first byte is 1 */
};

/* NULL is the same as "": no rules. Returns 0, or -EINVAL and *ret_error is written. */
int rules_parse(const char *text, struct rules *ret, struct rules_error *ret_error);

/* Whether a port is in any rule, of whatever protocol. */
bool rules_mention(const struct rules *rules, uint16_t port);

/*
 * The first rule that fits, or NULL. A rule with an address fits sockets that can be bound to it;
 * TARGET_ANY stands for a socket of which that is not known, whatever the address is.
 */
#define TARGET_ANY ((enum target_socket)0)
const struct rule *rules_find(const struct rules *rules, enum rule_protocol protocol, uint16_t port,
	enum target_socket socket);

/* The SERVER of a rule, or NULL where it names none. */
const char *rules_server(const struct rules *rules, const struct rule *rule);

/* Where a rule binds, and the interface there, or NULL where it names none. */
const struct target *rules_target(const struct rules *rules, const struct rule *rule);
const char *rules_interface(const struct rules *rules, const struct rule *rule);

/* The rule before this one that fits all that this one does, so that it never counts, or NULL. */
const struct rule *rules_cover(const struct rules *rules, const struct rule *rule);

#endif
