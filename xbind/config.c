/* SPDX-License-Identifier: MIT */
/*
 * Who first moves `state` from UNREAD to READING fills in the one configuration that lasts.
 * Whoever comes meanwhile, another thread or a signal handler of the same one, reads the
 * environment for itself, with the same result.
 */
#include "xbind/config.h"

#include "preload/report.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

enum {
	UNREAD,
	READING,
	READ,
};

static atomic_int state = UNREAD;
static struct config config;

static void report_rules(const struct rules_error *error)
{
	char rule[64];
	size_t length = error->length < sizeof(rule) ? error->length : sizeof(rule) - 1;

	memcpy(rule, error->rule, length);
	rule[length] = '\0';
	report(REPORT_ERROR,
		"XBIND: rule '%s' at position %u: %s; until that is corrected every bind() to an "
		"internet address fails with EINVAL",
		rule, (unsigned)error->position, error->reason);
}

/* Tells what is allowed but can hardly be meant. Rules are numbered from 1. */
static void report_useless(const struct rules *rules)
{
	for (unsigned i = 0; i < rules->count; i++) {
		const struct rule *cover = rules_cover(rules, &rules->rule[i]);

		if (cover)
			report(REPORT_DEBUG, "XBIND: rule %u never counts, rule %u fits all of it",
				i + 1, (unsigned)(cover - rules->rule) + 1);
	}
}

/*
 * Who starts a program that has more rights than he has (AT_SECURE: set-user-ID, file capabilities)
 * must not decide where it listens. That the variable is there is all that is looked at.
 */
static void report_ignored(void)
{
	const char *text = getauxval(AT_SECURE) ? getenv("XBIND") : NULL;

	if (text && *text)
		report(REPORT_ERROR,
			"XBIND is ignored, and its ports are bound here: this program has more "
			"privileges than who started it (set-user-ID, file capabilities); use "
			"AmbientCapabilities= of a unit instead");
	else
		report(REPORT_DEBUG, "XBIND is not set: all ports are bound here");
}

static void read_level(bool first)
{
	const char *text = secure_getenv("XBIND_LOG");
	enum report_level level = REPORT_ERROR;

	if (text && strcmp(text, "silent") == 0)
		level = REPORT_SILENT;
	if (text && strcmp(text, "debug") == 0)
		level = REPORT_DEBUG;
	report_configure("libxbind", "XBIND_LOG", level);
	if (first && text && *text && level == REPORT_ERROR && strcmp(text, "error") != 0)
		report(REPORT_ERROR, "XBIND_LOG=%s is not one of silent, error, debug", text);
}

static void read_server(struct config *ret, bool first)
{
	const char *text = secure_getenv("XSOCKET");
	struct address address;

	ret->server[0] = '\0';
	if (!text || !*text)
		return;
	if (address_from_server(text, &address) < 0) {
		ret->broken = true;
		if (first)
			report(REPORT_ERROR,
				"XSOCKET=%s is not the name of a broker (vpn for /run/xsocket/vpn) "
				"nor a path of at most 107 bytes; until that is corrected every "
				"bind() to an internet address fails with EINVAL",
				text);
		return;
	}
	/* It fits into an address, so it fits in here. */
	memcpy(ret->server, text, strlen(text) + 1);
}

/* `first`: nobody has reported what is wrong yet. */
static void config_read(struct config *ret, bool first)
{
	int saved_errno = errno;
	struct rules_error error;

	read_level(first);
	ret->broken = false;
	if (rules_parse(secure_getenv("XBIND"), &ret->rules, &error) < 0) {
		ret->broken = true;
		if (first)
			report_rules(&error);
	}
	/* Without rules the library is inert, whatever else is set. */
	if (ret->broken || ret->rules.count > 0)
		read_server(ret, first);
	else if (first)
		report_ignored();
	if (first && !ret->broken)
		report_useless(&ret->rules);
	errno = saved_errno;
}

const struct config *config_get(struct config *scratch)
{
	int expected = UNREAD;

	if (atomic_load_explicit(&state, memory_order_acquire) == READ)
		return &config;
	if (!atomic_compare_exchange_strong(&state, &expected, READING)) {
		if (expected == READ)
			return &config;
		if (scratch)
			config_read(scratch, false);
		return scratch;
	}
	config_read(&config, true);
	atomic_store_explicit(&state, READ, memory_order_release);
	return &config;
}

bool config_active(void)
{
	return atomic_load_explicit(&state, memory_order_acquire) != READ || config.broken ||
	       config.rules.count > 0;
}

__attribute__((constructor)) static void config_init(void)
{
	config_get(NULL);
}
