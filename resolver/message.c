/* SPDX-License-Identifier: MIT */
#include "resolver/message.h"

#include "resolver/cares.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/random.h>

#define EDNS_SIZE 1200

int message_make(const char *name, int class, int type, const struct message_options *options,
	unsigned char **ret)
{
	const struct cares *cares = cares_get();
	unsigned short id = 0;
	int length = 0, r;

	if (!cares)
		return -EINVAL;
	/* an answer is taken for one by its number, so nobody may guess it */
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -ENOMEM;
	r = cares->create_query(
		name, class, type, id, 1, ret, &length, options->edns ? EDNS_SIZE : 0);
	if (r != ARES_SUCCESS)
		return r == ARES_ENOMEM ? -ENOMEM : -EINVAL;
	if (options->trust_ad)
		(*ret)[3] |= 0x20;
	return length;
}

void message_free(unsigned char *message)
{
	const struct cares *cares = cares_get();

	if (cares && message)
		cares->free_string(message);
}

enum outcome message_outcome(const unsigned char *answer, int length)
{
	if (length < MESSAGE_HEADER)
		return OUTCOME_FAIL;
	switch (answer[3] & 0x0f) {
	case 0:
		return answer[6] || answer[7] ? OUTCOME_FOUND : OUTCOME_NO_DATA;
	case 2: /* SERVFAIL */
		return OUTCOME_AGAIN;
	case 3: /* NXDOMAIN */
		return OUTCOME_NO_NAME;
	}
	return OUTCOME_FAIL;
}

/*
 * Whether a name is one that a host may have. Whoever answers may send any bytes for a name, and
 * programs put names into files and commands.
 */
static bool is_sane(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	return *name && *name != '-' && *name != '.' && !name[strspn(name, allowed)];
}

static enum outcome outcome_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return OUTCOME_FOUND;
	case ARES_ENODATA: /* aliases that lead nowhere */
		return OUTCOME_NO_NAME;
	case ARES_ENOMEM:
		return OUTCOME_SYSTEM;
	}
	return OUTCOME_FAIL;
}

static int take_addresses(const struct hostent *host, struct found *ret)
{
	int r = 0;

	for (char **each = host->h_addr_list; r == 0 && *each; each++)
		r = found_add_address(ret, host->h_addrtype, *each);
	if (ret->name) /* of another answer */
		return r;
	if (r == 0 && is_sane(host->h_name))
		r = found_set_name(ret, host->h_name);
	for (char **each = host->h_aliases; r == 0 && *each; each++) {
		if (is_sane(*each))
			r = found_add_alias(ret, *each);
	}
	return r;
}

static void shorten(struct found *found, int other_s)
{
	uint32_t ttl_s = other_s < 0 ? 0 : (uint32_t)other_s;

	if (ttl_s < found->ttl_s)
		found->ttl_s = ttl_s;
}

#define TTLS 64 /* of so many addresses it is looked at */

enum outcome message_addresses(
	const unsigned char *answer, int length, int family, struct found *ret)
{
	const struct cares *cares = cares_get();
	struct ares_addrttl ttls[TTLS];
	struct ares_addr6ttl ttls6[TTLS];
	struct hostent *host = NULL;
	int n = TTLS, status, r;

	if (family == AF_INET)
		status = cares->parse_a_reply(answer, length, &host, ttls, &n);
	else
		status = cares->parse_aaaa_reply(answer, length, &host, ttls6, &n);
	if (status != ARES_SUCCESS)
		return outcome_of(status);
	if (ret->n == 0)
		ret->ttl_s = INT32_MAX;
	for (int i = 0; i < n; i++)
		shorten(ret, family == AF_INET ? ttls[i].ttl : ttls6[i].ttl);
	r = take_addresses(host, ret);
	cares->free_hostent(host);
	return r < 0 ? OUTCOME_SYSTEM : ret->n > 0 ? OUTCOME_FOUND : OUTCOME_NO_NAME;
}

enum outcome message_names(
	const unsigned char *answer, int length, int family, const void *bytes, struct found *ret)
{
	const struct cares *cares = cares_get();
	struct hostent *host = NULL;
	const char *name;
	int status, r;

	status = cares->parse_ptr_reply(
		answer, length, bytes, (int)address_length(family), family, &host);
	if (status != ARES_SUCCESS)
		return outcome_of(status);
	/* of several the first one: h_name has the last */
	name = host->h_aliases[0] ? host->h_aliases[0] : host->h_name;
	if (!is_sane(name)) {
		cares->free_hostent(host);
		return OUTCOME_FAIL;
	}
	r = found_set_name(ret, name);
	if (r == 0)
		r = found_add_address(ret, family, bytes);
	cares->free_hostent(host);
	return r < 0 ? OUTCOME_SYSTEM : OUTCOME_FOUND;
}
