/* SPDX-License-Identifier: MIT */
#include "resolver/dns.h"

#include "resolver/message.h"
#include "resolver/why.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 1025 /* of a name as text, where each byte may be written as \DDD */

void dns_free(struct dns_question *question)
{
	for (unsigned i = 0; i < question->n; i++)
		channel_free_answer(&question->answers[i]);
}

/* ---- one name ---- */

/* What came of a query. */
static enum outcome outcome_of(struct lookup *lookup, const struct channel_query *query)
{
	enum outcome outcome;

	switch (query->status) {
	case CHANNEL_ANSWERED:
		outcome = message_outcome(query->answer, query->answer_length);
		if (outcome == OUTCOME_AGAIN)
			lookup->status = CHANNEL_FAILED;
		return outcome;
	case CHANNEL_BAD:
		return OUTCOME_FAIL;
	case CHANNEL_SYSTEM:
		return lookup_fail(lookup, channel_error(lookup->channel), "no socket can be had");
	case CHANNEL_CANCELLED:
		return lookup_fail(lookup, -ECANCELED, NULL);
	case CHANNEL_TIMEOUT:
	case CHANNEL_REFUSED:
	case CHANNEL_FAILED:
	case CHANNEL_MISSING:
		break;
	}
	lookup->status = query->status;
	return OUTCOME_AGAIN;
}

/*
 * Of two answers the one that says more. Records say most, and then that there is no such name;
 * that one kind is not there says nothing about a kind that nobody told about.
 */
static enum outcome outcome_of_all(struct lookup *lookup, const struct dns_question *question)
{
	static const enum outcome order[] = {OUTCOME_FOUND, OUTCOME_NO_NAME, OUTCOME_SYSTEM,
		OUTCOME_AGAIN, OUTCOME_FAIL, OUTCOME_NO_DATA};
	enum outcome outcomes[CHANNEL_QUERIES];

	for (unsigned i = 0; i < question->n; i++)
		outcomes[i] = outcome_of(lookup, &question->answers[i]);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		for (unsigned j = 0; j < question->n; j++) {
			if (outcomes[j] == order[i])
				return order[i];
		}
	}
	return OUTCOME_FAIL;
}

/* Makes the messages and asks. Returns 0, -EINVAL: there cannot be such a name, or -ENOMEM. */
static int ask(struct lookup *lookup, const char *name, struct dns_question *question)
{
	struct message_options options = {
		.edns = lookup->conf->edns0, .trust_ad = lookup->conf->trust_ad};
	unsigned char *messages[CHANNEL_QUERIES] = {0};
	bool single = lookup->conf->single_request || lookup->conf->single_request_reopen;
	unsigned together = single ? 1 : question->n;
	int r = 0;

	for (unsigned i = 0; i < question->n; i++) {
		question->answers[i] = (struct channel_query){0};
		r = message_make(name, question->class, question->types[i], &options, &messages[i]);
		if (r < 0)
			break;
		question->answers[i].message = messages[i];
		question->answers[i].length = r;
	}
	for (unsigned i = 0; r >= 0 && i < question->n; i += together)
		channel_ask(lookup->channel, &question->answers[i], together);
	for (unsigned i = 0; i < question->n; i++) {
		message_free(messages[i]);
		question->answers[i].message = NULL;
	}
	return r < 0 ? r : 0;
}

enum outcome dns_query(struct lookup *lookup, const char *name, struct dns_question *question)
{
	enum outcome outcome = lookup_open(lookup);
	int r;

	dns_free(question);
	if (outcome != OUTCOME_FOUND)
		return outcome;
	r = ask(lookup, name, question);
	question->impossible = r == -EINVAL;
	if (question->impossible)
		return OUTCOME_FAIL;
	if (r < 0)
		return lookup_fail(lookup, r, NULL);
	outcome = outcome_of_all(lookup, question);
	if (outcome == OUTCOME_AGAIN)
		why_servers(lookup);
	return outcome;
}

/* ---- the search list ---- */

/* What became of the names that were tried. */
struct search {
	bool tried_plain, root_in_list, no_data, server_failed, ended;
	enum outcome plain, last;
};

static enum outcome query_in(
	struct lookup *lookup, const char *name, const char *domain, struct dns_question *question)
{
	char full[NAME_SIZE];
	const char *dot = domain[0] ? "." : "";

	if ((size_t)snprintf(full, sizeof(full), "%s%s%s", name, dot, domain) >= sizeof(full))
		return OUTCOME_FAIL;
	return dns_query(lookup, full, question);
}

/* Whether a server failed, as opposed to all being silent: then other names may do. */
static bool server_failed(const struct lookup *lookup)
{
	return lookup->status == CHANNEL_FAILED;
}

/* Tries the name in one domain. Returns whether the search goes on. */
static bool search_in(struct lookup *lookup, struct search *search, const char *name,
	const char *domain, struct dns_question *question)
{
	if (domain[0] == '.')
		domain++;
	if (!domain[0])
		search->root_in_list = true;
	search->last = query_in(lookup, name, domain, question);
	switch (search->last) {
	case OUTCOME_NO_NAME:
		return true;
	case OUTCOME_NO_DATA:
		search->no_data = true;
		return true;
	case OUTCOME_AGAIN:
		if (!server_failed(lookup))
			return false;
		search->server_failed = true;
		return true;
	case OUTCOME_DEAD_END:
	case OUTCOME_FAIL:
		return false;
	case OUTCOME_FOUND:
	case OUTCOME_SYSTEM:
		break;
	}
	search->ended = true;
	return false;
}

/* What is said about a name that is in no domain. */
static enum outcome search_outcome(const struct search *search)
{
	if (search->ended)
		return search->last;
	if (search->tried_plain)
		return search->plain;
	if (search->no_data)
		return OUTCOME_NO_DATA;
	return search->server_failed ? OUTCOME_AGAIN : search->last;
}

static enum outcome search_list(struct lookup *lookup, struct search *search, const char *name,
	bool dotted, struct dns_question *question)
{
	const struct resolvconf *conf = lookup->conf;

	for (unsigned i = 0; i < conf->n_domains; i++) {
		if (!search_in(lookup, search, name, conf->domains[i], question))
			break;
	}
	if (search->ended || search->tried_plain || search->root_in_list)
		return search_outcome(search);
	if (search->last == OUTCOME_AGAIN && lookup->status == CHANNEL_REFUSED)
		return OUTCOME_AGAIN;
	if (!dotted && conf->n_domains > 0 && conf->no_tld_query)
		return search_outcome(search);
	search->last = dns_query(lookup, name, question);
	if (search->last == OUTCOME_FOUND || search->last == OUTCOME_SYSTEM)
		return search->last;
	return search_outcome(search);
}

enum outcome dns_search(struct lookup *lookup, const char *name, struct dns_question *question)
{
	struct search search = {.last = OUTCOME_NO_NAME};
	enum outcome outcome = lookup_open(lookup);
	size_t length = strlen(name);
	unsigned dots = 0;
	bool absolute = length > 0 && name[length - 1] == '.';

	if (outcome != OUTCOME_FOUND)
		return outcome;
	for (const char *c = name; *c; c++)
		dots += *c == '.';
	if (dots >= lookup->conf->ndots || absolute) {
		search.plain = dns_query(lookup, name, question);
		if (absolute || search.plain == OUTCOME_FOUND || search.plain == OUTCOME_SYSTEM)
			return search.plain;
		search.tried_plain = true;
	}
	return search_list(lookup, &search, name, dots > 0, question);
}

/* ---- addresses ---- */

static enum outcome take_answers(
	struct lookup *lookup, const struct dns_question *question, struct found *ret)
{
	enum outcome outcome = OUTCOME_DEAD_END, one;

	for (unsigned i = 0; i < question->n; i++) {
		const struct channel_query *query = &question->answers[i];

		if (!query->answer ||
			message_outcome(query->answer, query->answer_length) != OUTCOME_FOUND)
			continue;
		one = message_addresses(query->answer, query->answer_length,
			question->types[i] == MESSAGE_A ? AF_INET : AF_INET6, ret);
		if (one == OUTCOME_SYSTEM)
			return lookup_fail(lookup, -ENOMEM, NULL);
		if (one == OUTCOME_FOUND || outcome != OUTCOME_FOUND)
			outcome = one;
	}
	return outcome;
}

enum outcome dns_addresses(struct lookup *lookup, const char *name, int family, struct found *ret)
{
	struct dns_question question = {.class = MESSAGE_IN};
	enum outcome outcome;

	outcome = lookup_open(lookup);
	if (outcome != OUTCOME_FOUND)
		return outcome;
	if (family != AF_INET6)
		question.types[question.n++] = MESSAGE_A;
	if (family != AF_INET && !lookup->conf->no_aaaa)
		question.types[question.n++] = MESSAGE_AAAA;
	if (question.n == 0)
		return OUTCOME_NO_DATA;
	outcome = dns_search(lookup, name, &question);
	if (outcome == OUTCOME_FAIL && question.impossible)
		outcome = OUTCOME_NO_NAME;
	if (outcome == OUTCOME_FOUND)
		outcome = take_answers(lookup, &question, ret);
	dns_free(&question);
	return outcome;
}

/* ---- names ---- */

/* 4.3.2.1.in-addr.arpa, and one label for each half of a byte in ip6.arpa. */
static void reverse_name(int family, const unsigned char *bytes, char ret[80])
{
	char *end = ret;

	if (family == AF_INET) {
		sprintf(ret, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1], bytes[0]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		end += sprintf(end, "%x.%x.", bytes[i] & 0xf, bytes[i] >> 4);
	strcpy(end, "ip6.arpa");
}

/* IPv4 in IPv6, mapped or by the last four bytes, has the names of IPv4. */
static bool has_ipv4(const struct in6_addr *in6)
{
	return IN6_IS_ADDR_V4MAPPED(in6) || IN6_IS_ADDR_V4COMPAT(in6);
}

enum outcome dns_names(struct lookup *lookup, int family, const void *bytes, struct found *ret)
{
	struct dns_question question = {.class = MESSAGE_IN, .types = {MESSAGE_PTR}, .n = 1};
	char name[80];
	enum outcome outcome;

	if (family == AF_INET6 && has_ipv4(bytes)) {
		family = AF_INET;
		bytes = (const char *)bytes + 12;
	}
	reverse_name(family, bytes, name);
	outcome = dns_query(lookup, name, &question);
	if (outcome == OUTCOME_FOUND)
		outcome = message_names(question.answers[0].answer,
			question.answers[0].answer_length, family, bytes, ret);
	if (outcome == OUTCOME_SYSTEM && !lookup->error)
		outcome = lookup_fail(lookup, -ENOMEM, NULL);
	dns_free(&question);
	return outcome;
}
