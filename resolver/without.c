/* SPDX-License-Identifier: MIT */
/* In the place of channel.c, message.c and cares.c, where this was built without c-ares. */
#include "resolver/channel.h"
#include "resolver/message.h"

#include <errno.h>
#include <stddef.h>

bool channel_possible(void)
{
	return false;
}

int channel_new(const struct channel_options *options, struct channel **ret)
{
	return -EOPNOTSUPP;
}

void channel_free(struct channel *channel)
{
}

void channel_ask(struct channel *channel, struct channel_query *queries, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		queries[i].status = CHANNEL_MISSING;
}

void channel_free_answer(struct channel_query *query)
{
}

int channel_error(const struct channel *channel)
{
	return 0;
}

int message_make(const char *name, int class, int type, const struct message_options *options,
	unsigned char **ret)
{
	return -EINVAL;
}

void message_free(unsigned char *message)
{
}

enum outcome message_outcome(const unsigned char *answer, int length)
{
	return OUTCOME_FAIL;
}

enum outcome message_addresses(
	const unsigned char *answer, int length, int family, struct found *ret)
{
	return OUTCOME_FAIL;
}

enum outcome message_names(
	const unsigned char *answer, int length, int family, const void *bytes, struct found *ret)
{
	return OUTCOME_FAIL;
}
