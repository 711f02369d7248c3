/* SPDX-License-Identifier: MIT */
#include "resolver/message.h"

#include "resolver/cares.h"

#include <errno.h>
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

/* ---- records of an answer ---- */

/* Goes through the answer section. */
struct reader {
	const struct cares *cares;
	const unsigned char *message;
	int length, at;
	unsigned left; /* records */
};

struct record {
	char *name; /* free_string() */
	int type, class;
	uint32_t ttl_s;
	int data, length; /* where in the message */
};

static unsigned get16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* A name as text, which free_string() frees, or NULL. *next is moved behind it. */
static char *read_name(const struct reader *reader, int at, int *next)
{
	char *name = NULL;
	long used = 0;

	if (at >= reader->length ||
		reader->cares->expand_name(reader->message + at, reader->message, reader->length,
			&name, &used) != ARES_SUCCESS)
		return NULL;
	if (next)
		*next = at + (int)used;
	return name;
}

/* Returns the name that was asked for, which free_string() frees; NULL: this makes no sense. */
static char *reader_begin(struct reader *reader, const unsigned char *answer, int length)
{
	char *name;

	*reader = (struct reader){.cares = cares_get(), .message = answer, .length = length};
	if (!reader->cares || length < MESSAGE_HEADER || get16(answer + 4) != 1)
		return NULL;
	reader->left = get16(answer + 6);
	name = read_name(reader, MESSAGE_HEADER, &reader->at);
	reader->at += 4; /* type and class */
	return name;
}

/* The next record. Returns false after the last one, and where the message is cut off. */
static bool reader_next(struct reader *reader, struct record *ret)
{
	const unsigned char *fields;

	if (reader->left == 0)
		return false;
	reader->left--;
	ret->name = read_name(reader, reader->at, &reader->at);
	if (!ret->name)
		return false;
	fields = reader->message + reader->at;
	if (reader->length - reader->at >= 10) {
		ret->type = (int)get16(fields);
		ret->class = (int)get16(fields + 2);
		ret->ttl_s = (uint32_t)get16(fields + 4) << 16 | get16(fields + 6);
		ret->length = (int)get16(fields + 8);
		ret->data = reader->at + 10;
		reader->at = ret->data + ret->length;
		if (reader->at <= reader->length)
			return true;
	}
	reader->cares->free_string(ret->name);
	ret->name = NULL;
	return false;
}

/* ---- what is found ---- */

/* What is looked for in an answer, and the name that it is looked for now. */
struct chase {
	struct reader reader;
	int type;
	char *name; /* free_string() */
	struct found *ret;
	bool naming; /* the names are of interest */
};

static void shorten(struct found *found, uint32_t ttl_s)
{
	if (ttl_s > INT32_MAX) /* RFC 2181, section 8 */
		ttl_s = 0;
	if (ttl_s < found->ttl_s)
		found->ttl_s = ttl_s;
}

/*
 * From an alias to the name that it stands for. One that is no name of a host is not told, but its
 * addresses count. Returns 0, -EINVAL: this makes no sense, or -ENOMEM.
 */
static int follow(struct chase *chase, const struct record *record)
{
	char *target = read_name(&chase->reader, record->data, NULL);
	int r = 0;

	if (!target)
		return -EINVAL;
	if (chase->naming && is_sane(target)) {
		if (is_sane(chase->name))
			r = found_add_alias(chase->ret, chase->name);
		if (r == 0)
			r = found_set_name(chase->ret, target);
	}
	chase->reader.cares->free_string(chase->name);
	chase->name = target;
	shorten(chase->ret, record->ttl_s);
	return r;
}

typedef int take(struct chase *chase, const struct record *record);

/*
 * Calls take for each record of the type that is about the name, or about what the name stands for.
 * Servers send a chain of aliases in its order.
 */
static enum outcome chase_records(
	struct chase *chase, const unsigned char *answer, int length, take *by)
{
	struct record record;
	int r = 0, taken = 0;

	if (chase->ret->n == 0)
		chase->ret->ttl_s = INT32_MAX;
	chase->name = reader_begin(&chase->reader, answer, length);
	while (chase->name && r >= 0 && reader_next(&chase->reader, &record)) {
		bool ours = record.class == MESSAGE_IN && strcasecmp(record.name, chase->name) == 0;

		if (ours && record.type == MESSAGE_CNAME)
			r = follow(chase, &record);
		if (ours && record.type == chase->type) {
			r = by(chase, &record);
			taken += r > 0;
			shorten(chase->ret, record.ttl_s);
		}
		chase->reader.cares->free_string(record.name);
	}
	if (r == -ENOMEM)
		return OUTCOME_SYSTEM;
	return taken > 0 ? OUTCOME_FOUND : OUTCOME_DEAD_END;
}

static void chase_end(struct chase *chase)
{
	if (chase->name)
		chase->reader.cares->free_string(chase->name);
}

/* Returns 1, 0: it is none, or -ENOMEM. */
static int take_address(struct chase *chase, const struct record *record)
{
	int family = chase->type == MESSAGE_A ? AF_INET : AF_INET6, r;

	if (record->length != (int)address_length(family))
		return 0;
	r = found_add_address(chase->ret, family, chase->reader.message + record->data);
	return r < 0 ? r : 1;
}

enum outcome message_addresses(
	const unsigned char *answer, int length, int family, struct found *ret)
{
	struct chase chase = {
		.type = family == AF_INET ? MESSAGE_A : MESSAGE_AAAA,
		.ret = ret,
		.naming = !ret->name,
	};
	enum outcome outcome = chase_records(&chase, answer, length, take_address);

	if (outcome == OUTCOME_FOUND && !ret->name && is_sane(chase.name) &&
		found_set_name(ret, chase.name) < 0)
		outcome = OUTCOME_SYSTEM;
	chase_end(&chase);
	return outcome;
}

/* Of several names the first one counts, and must be one. */
static int take_name(struct chase *chase, const struct record *record)
{
	char *name;
	int r = -EINVAL;

	if (chase->ret->name)
		return 0;
	name = read_name(&chase->reader, record->data, NULL);
	if (name && is_sane(name))
		r = found_set_name(chase->ret, name) < 0 ? -ENOMEM : 1;
	if (name)
		chase->reader.cares->free_string(name);
	return r;
}

enum outcome message_names(
	const unsigned char *answer, int length, int family, const void *bytes, struct found *ret)
{
	struct chase chase = {.type = MESSAGE_PTR, .ret = ret};
	enum outcome outcome = chase_records(&chase, answer, length, take_name);

	if (outcome == OUTCOME_FOUND && found_add_address(ret, family, bytes) < 0)
		outcome = OUTCOME_SYSTEM;
	chase_end(&chase);
	return outcome;
}
