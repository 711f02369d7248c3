/* SPDX-License-Identifier: MIT */
#include "resolver/nsswitch.h"

#include <string.h>

#define BLANKS " \t\r\n\v\f"

enum {
	SUCCESS = 1 << 0,
	NOT_FOUND = 1 << 1,
	UNAVAILABLE = 1 << 2,
	TRY_LATER = 1 << 3,
	ALL = SUCCESS | NOT_FOUND | UNAVAILABLE | TRY_LATER,
};

void nsswitch_init(struct nsswitch *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sources[0].kind = NSSWITCH_FILES;
	ret->sources[1].kind = NSSWITCH_DNS;
	ret->n = 2;
}

static bool word_is(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

/* A status as it is written, "!" in front for all but that one; 0: there is none of that name. */
static unsigned status_of(const char *text, size_t length)
{
	static const struct {
		const char *name;
		unsigned status;
	} statuses[] = {
		{"success", SUCCESS},
		{"notfound", NOT_FOUND},
		{"unavail", UNAVAILABLE},
		{"tryagain", TRY_LATER},
	};
	bool all_but = length > 0 && *text == '!';

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (word_is(text + all_but, length - all_but, statuses[i].name))
			return all_but ? ALL & ~statuses[i].status : statuses[i].status;
	}
	return 0;
}

static void set(struct nsswitch_source *source, unsigned statuses, bool ends)
{
	if (statuses & NOT_FOUND)
		source->not_found_ends = ends;
	if (statuses & UNAVAILABLE)
		source->unavailable_ends = ends;
}

/*
 * "[STATUS=ACTION ...]" behind a source. Returns what follows the bracket, or NULL when it is not
 * understood.
 */
static const char *take_actions(struct nsswitch_source *source, const char *text)
{
	for (text++; *(text += strspn(text, BLANKS)) != ']';) {
		size_t length = strcspn(text, "=]" BLANKS);
		unsigned statuses = status_of(text, length);

		text += length;
		text += strspn(text, BLANKS);
		if (statuses == 0 || *text != '=')
			return NULL;
		text += 1 + strspn(text + 1, BLANKS);
		length = strcspn(text, "=]" BLANKS);
		if (word_is(text, length, "return"))
			set(source, statuses, true);
		else if (word_is(text, length, "continue") || word_is(text, length, "merge"))
			set(source, statuses, false);
		else
			return NULL;
		text += length;
	}
	return text + 1;
}

static bool take_sources(struct nsswitch *ret, const char *text)
{
	ret->n = 0;
	for (text += strspn(text, BLANKS); *text && *text != '#'; text += strspn(text, BLANKS)) {
		struct nsswitch_source *source = &ret->sources[ret->n];
		size_t length = strcspn(text, "[#" BLANKS);

		if (length == 0 || ret->n == NSSWITCH_SOURCES)
			return false;
		*source = (struct nsswitch_source){.kind = NSSWITCH_OTHER};
		if (length == 5 && strncmp(text, "files", 5) == 0)
			source->kind = NSSWITCH_FILES;
		else if (length == 3 && strncmp(text, "dns", 3) == 0)
			source->kind = NSSWITCH_DNS;
		ret->n++;
		text += length;
		text += strspn(text, BLANKS);
		if (*text == '[')
			text = take_actions(source, text);
		if (!text)
			return false;
	}
	return true;
}

void nsswitch_line(struct nsswitch *order, const char *line)
{
	static const char keyword[] = "hosts:";

	line += strspn(line, BLANKS);
	if (strncmp(line, keyword, sizeof(keyword) - 1) == 0 &&
		!take_sources(order, line + sizeof(keyword) - 1))
		order->n = 0;
}

bool nsswitch_ends(const struct nsswitch_source *source, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_FOUND:
		return true;
	case OUTCOME_NO_NAME:
	case OUTCOME_NO_DATA:
	case OUTCOME_DEAD_END:
	case OUTCOME_FAIL:
		return source->not_found_ends;
	case OUTCOME_AGAIN:
		return source->unavailable_ends;
	case OUTCOME_SYSTEM: /* who knows what was there */
		return true;
	}
	return true;
}
