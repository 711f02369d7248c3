/* SPDX-License-Identifier: MIT */
#include "xbind/config.h"

#include "preload/once.h"
#include "preload/report.h"
#include "preload/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* What one who comes while it is being read reads for itself has the same result. */
static struct once once;
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

static void read_server(struct config *ret, bool first)
{
	const char *text = secure_getenv("XSOCKET");

	ret->server[0] = '\0';
	if (text && *text &&
		!settings_copy_server("XSOCKET", text,
			"every bind() to an internet address fails with EINVAL", first,
			ret->server))
		ret->broken = true;
}

/* `first`: nobody has reported what is wrong yet. */
static void config_read(struct config *ret, bool first)
{
	int saved_errno = errno;
	struct rules_error error;

	settings_read_level("libxbind", "XBIND_LOG", first);
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
	switch (once_begin(&once)) {
	case ONCE_DONE:
		break;
	case ONCE_OURS:
		config_read(&config, true);
		once_end(&once);
		break;
	case ONCE_OTHERS:
		if (scratch)
			config_read(scratch, false);
		return scratch;
	}
	return &config;
}

bool config_active(void)
{
	return !once_is_done(&once) || config.broken || config.rules.count > 0;
}

__attribute__((constructor)) static void config_init(void)
{
	config_get(NULL);
}
