/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XBIND_RULES_H
#define XSOCKET_XBIND_RULES_H

/*
 * XBIND, which ports are bound elsewhere: rules separated by blanks, the first that fits counts.
 *
 *   3000  8000-8010  *  0     a port, a range, every port but 0, the port that bind(2) chooses
 *   tcp:3000  udp:53          of one protocol only
 *   3000@SERVER               by another broker than the default one
 *
 * TCP stands for all stream protocols (MPTCP, SCTP), UDP for all datagram ones (UDP-Lite).
 * No system calls, no allocation.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_MAX	  64
#define RULES_SERVERS_MAX 1024 /* bytes of all the different SERVERs together */

enum rule_protocol {
	RULE_TCP = 1,
	RULE_UDP = 2,
};

struct rule {
	uint8_t protocols; /* enum rule_protocol, or both */
	uint16_t first, last;
	uint16_t server; /* offset in rules.servers, 0: the default one */
};

struct rules {
	unsigned count;
	struct rule rule[RULES_MAX];
	uint16_t servers_used;
	char servers[RULES_SERVERS_MAX];
};

/* What is wrong with a text that is not rules. */
struct rules_error {
	const char *reason;
	const char *rule; /* in the text, not terminated */
	size_t length;
	size_t position; /* of the rule in the text, the first byte is 1 */
};

/* NULL is the same as "": no rules. Returns 0, or -EINVAL and *ret_error is written. */
int rules_parse(const char *text, struct rules *ret, struct rules_error *ret_error);

/* Whether a port is in any rule, of whatever protocol. */
bool rules_mention(const struct rules *rules, uint16_t port);

/* The first rule that fits, or NULL. */
const struct rule *rules_find(
	const struct rules *rules, enum rule_protocol protocol, uint16_t port);

/* The SERVER of a rule, or NULL where it names none. */
const char *rules_server(const struct rules *rules, const struct rule *rule);

#endif
