/* SPDX-License-Identifier: MIT */
/* res_query(3), res_search(3), res_send(3): what is asked and answered is the caller's business. */
#include "resolver/dns.h"
#include "resolver/message.h"
#include "resolver/why.h"

#include "common/cancel.h"

#include <errno.h>
#include <string.h>

#define TRUNCATED 0x02 /* in the third byte */

typedef enum outcome ask(struct lookup *lookup, const char *name, struct dns_question *question);

/* Copies what there is room for. Returns how much. */
static int copy(const unsigned char *from, int length, unsigned char *answer, int size)
{
	if (length <= size) {
		memcpy(answer, from, (size_t)length);
		return length;
	}
	memcpy(answer, from, (size_t)size);
	answer[2] |= TRUNCATED;
	return size;
}

static int h_error_of(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_FOUND:
		return NETDB_SUCCESS;
	case OUTCOME_NO_NAME:
		return HOST_NOT_FOUND;
	case OUTCOME_NO_DATA:
		return NO_DATA;
	case OUTCOME_AGAIN:
		return TRY_AGAIN;
	case OUTCOME_DEAD_END:
	case OUTCOME_FAIL:
		return NO_RECOVERY;
	case OUTCOME_SYSTEM:
		break;
	}
	return NETDB_INTERNAL;
}

static int run(const struct resolver_source *source, ask *ask_by, const char *name,
	struct dns_question *question, unsigned char *answer, int size, int *h_error, char *why)
{
	struct lookup lookup;
	struct cancel cancel;
	enum outcome outcome;
	int saved_errno = errno, length = 0;

	cancel_hold(&cancel);
	lookup_begin(&lookup, source, why);
	outcome = ask_by(&lookup, name, question);
	*h_error = h_error_of(outcome);
	if (question->answers[0].answer)
		length = copy(question->answers[0].answer, question->answers[0].answer_length,
			answer, size);
	dns_free(question);
	lookup_end(&lookup);
	cancel_release(&cancel);
	errno = outcome == OUTCOME_SYSTEM ? -lookup.error : saved_errno;
	return outcome == OUTCOME_FOUND ? length : -1;
}

static int query(const struct resolver_source *source, ask *ask_by, const char *name, int class,
	int type, unsigned char *answer, int size, int *h_error, char *why)
{
	struct dns_question question = {.class = class, .types = {type}, .n = 1};

	if (size < MESSAGE_HEADER || class < 0 || class > UINT16_MAX || type < 0 ||
		type > UINT16_MAX) {
		if (why)
			why[0] = '\0';
		*h_error = NO_RECOVERY;
		return -1;
	}
	return run(source, ask_by, name, &question, answer, size, h_error, why);
}

int resolver_query(const struct resolver_source *source, const char *name, int class, int type,
	unsigned char *answer, int size, int *h_error, char why[RESOLVER_WHY])
{
	return query(source, dns_query, name, class, type, answer, size, h_error, why);
}

int resolver_search(const struct resolver_source *source, const char *name, int class, int type,
	unsigned char *answer, int size, int *h_error, char why[RESOLVER_WHY])
{
	return query(source, dns_search, name, class, type, answer, size, h_error, why);
}

/* ---- messages that somebody else made ---- */

static int error_of(const struct lookup *lookup, enum channel_status status)
{
	switch (status) {
	case CHANNEL_ANSWERED:
		return 0;
	case CHANNEL_TIMEOUT:
	case CHANNEL_FAILED:
		return -ETIMEDOUT;
	case CHANNEL_REFUSED:
		return -ECONNREFUSED;
	case CHANNEL_BAD:
		return -EINVAL;
	case CHANNEL_CANCELLED:
		return -ECANCELED;
	case CHANNEL_SYSTEM:
		return channel_error(lookup->channel) ? channel_error(lookup->channel) : -ENOMEM;
	case CHANNEL_MISSING:
		break;
	}
	return -EOPNOTSUPP;
}

static int send_one(
	struct lookup *lookup, struct channel_query *query, unsigned char *answer, int size)
{
	int r;

	switch (lookup_open(lookup)) {
	case OUTCOME_FOUND:
		break;
	case OUTCOME_SYSTEM:
		return lookup->error;
	default:
		return error_of(lookup, lookup->status);
	}
	channel_ask(lookup->channel, query, 1);
	r = error_of(lookup, query->status);
	lookup->status = query->status;
	if (r == 0)
		r = copy(query->answer, query->answer_length, answer, size);
	else if (query->status == CHANNEL_SYSTEM)
		why_text(lookup->why, lookup->source->name, r, "a socket");
	else if (query->status != CHANNEL_BAD)
		why_servers(lookup);
	/* some versions number messages as they like */
	if (r > 0)
		memcpy(answer, query->message, 2);
	channel_free_answer(query);
	return r;
}

int resolver_send(const struct resolver_source *source, const unsigned char *message, int length,
	unsigned char *answer, int size, char why[RESOLVER_WHY])
{
	struct channel_query query = {.message = message, .length = length};
	struct lookup lookup;
	struct cancel cancel;
	int saved_errno = errno, r;

	if (size < MESSAGE_HEADER || length < MESSAGE_HEADER || length > UINT16_MAX) {
		if (why)
			why[0] = '\0';
		errno = EINVAL;
		return -1;
	}
	cancel_hold(&cancel);
	lookup_begin(&lookup, source, why);
	r = send_one(&lookup, &query, answer, size);
	lookup_end(&lookup);
	cancel_release(&cancel);
	errno = r < 0 ? -r : saved_errno;
	return r < 0 ? -1 : r;
}
