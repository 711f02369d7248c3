/* SPDX-License-Identifier: MIT */
/*
 * Whatever a name server sends, what is taken from it are addresses of the kind that was asked for,
 * and names that a host may have. Nothing is read behind the end.
 */
#include "tests/fuzz/fuzz.h"

#include "resolver/message.h"

static void check_name(const char *name)
{
	HOLDS(name[0] && name[0] != '-' && name[0] != '.');
	for (; *name; name++)
		HOLDS(strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
			*name));
}

static void check_found(const struct found *found, int family)
{
	for (unsigned i = 0; i < found->n; i++)
		HOLDS(found->addresses[i].family == family && found->addresses[i].scope == 0);
	for (unsigned i = 0; i < found->n_aliases; i++)
		check_name(found->aliases[i]);
	if (found->name)
		check_name(found->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct in_addr address = {0x01020304};
	struct found found = {0};
	enum outcome outcome;
	int length = size > 65535 ? 65535 : (int)size;

	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;

		outcome = message_addresses(data, length, family, &found);
		HOLDS(outcome == OUTCOME_FOUND || outcome == OUTCOME_DEAD_END);
		HOLDS((found.n > 0) == (outcome == OUTCOME_FOUND));
		check_found(&found, family);
		found_clear(&found);
	}
	outcome = message_names(data, length, AF_INET, &address, &found);
	HOLDS(outcome == OUTCOME_FOUND || outcome == OUTCOME_DEAD_END);
	HOLDS((found.n == 1 && found.name) || outcome != OUTCOME_FOUND);
	check_found(&found, AF_INET);
	found_clear(&found);
	outcome = message_outcome(data, length);
	HOLDS(length >= MESSAGE_HEADER || outcome == OUTCOME_FAIL);
	return 0;
}
