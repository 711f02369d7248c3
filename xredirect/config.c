/* SPDX-License-Identifier: MIT */
#include "xredirect/config.h"

#include "preload/once.h"
#include "preload/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define HARM "no internet socket can be made (EINVAL)"

static struct once once;
static struct config config;

static void read_server(struct config *ret)
{
	const char *text = secure_getenv("XREDIRECT");

	ret->server[0] = '\0';
	if (!text || strcmp(text, ".") == 0)
		return;
	if (*text == '\0') {
		ret->broken = true;
		report(REPORT_ERROR, "XREDIRECT is empty; name a broker, or unset it, or "
				     "say XREDIRECT=. "
				     "for none; until that is corrected " HARM);
		return;
	}
	if (!settings_copy_server("XREDIRECT", text, HARM, true, ret->server))
		ret->broken = true;
}

static void report_local(const struct local_error *error)
{
	char entry[64];
	size_t length = error->length < sizeof(entry) ? error->length : sizeof(entry) - 1;

	memcpy(entry, error->entry, length);
	entry[length] = '\0';
	report(REPORT_ERROR,
		"XREDIRECT_LOCAL: '%s' at position %u: %s; until that is corrected " HARM, entry,
		(unsigned)error->position, error->reason);
}

static void read_local(struct config *ret)
{
	struct local_error error;

	if (local_parse(secure_getenv("XREDIRECT_LOCAL"), &ret->local, &error) == 0)
		return;
	ret->broken = true;
	report_local(&error);
}

static void read_pool(struct config *ret)
{
	const char *text = secure_getenv("XREDIRECT_POOL");
	unsigned number = 0;

	ret->pool = 0;
	if (!text || !*text)
		return;
	for (const char *digit = text; *digit; digit++) {
		if (*digit < '0' || *digit > '9' || number > CONFIG_POOL_MAX) {
			number = CONFIG_POOL_MAX + 1;
			break;
		}
		number = number * 10 + (unsigned)(*digit - '0');
	}
	if (number <= CONFIG_POOL_MAX)
		ret->pool = number;
	else
		report(REPORT_ERROR,
			"XREDIRECT_POOL=%s is not a number of sockets from 0 to %u: none is held "
			"ready",
			text, CONFIG_POOL_MAX);
}

/*
 * Who starts a program that has more rights than he has (AT_SECURE: set-user-ID, file capabilities)
 * must not decide where it connects. That the variable is there is all that is looked at.
 */
static void report_idle(void)
{
	const char *text = getauxval(AT_SECURE) ? getenv("XREDIRECT") : NULL;

	if (text && *text)
		report(REPORT_ERROR,
			"XREDIRECT is ignored, and all sockets are made here: this program has "
			"more "
			"privileges than who started it (set-user-ID, file capabilities); use "
			"AmbientCapabilities= of a unit instead");
	else
		report(REPORT_DEBUG,
			"XREDIRECT is not set: sockets are made here but for those in a context "
			"(xsocket_push(3))");
}

/* Whether it looks like one of ours: XREDIRECT_ANYTHING, XREDIRECTS. */
static bool is_like_ours(const char *name, size_t length)
{
	const size_t prefix = sizeof("XREDIRECT") - 1;

	return length >= prefix && strncmp(name, "XREDIRECT", prefix) == 0 &&
	       (name[prefix] == '_' || length <= prefix + 1);
}

/* A variable that is misspelt would leave a program where it is, and say nothing. */
static void report_unknown(void)
{
	static const char *const ours[] = {
		"XREDIRECT", "XREDIRECT_LOCAL", "XREDIRECT_LOG", "XREDIRECT_POOL"};

	for (char **variable = environ; *variable && !getauxval(AT_SECURE); variable++) {
		size_t length = strcspn(*variable, "=");
		bool known = !is_like_ours(*variable, length);
		char name[48];

		for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
			known |= strlen(ours[i]) == length &&
				 strncmp(*variable, ours[i], length) == 0;
		if (known)
			continue;
		length = length < sizeof(name) ? length : sizeof(name) - 1;
		memcpy(name, *variable, length);
		name[length] = '\0';
		report(REPORT_ERROR,
			"%s is not a variable of this library, and does nothing: there are "
			"XREDIRECT, XREDIRECT_LOCAL, XREDIRECT_LOG and XREDIRECT_POOL",
			name);
	}
}

static void config_read(struct config *ret)
{
	int saved_errno = errno;

	settings_read_level("libxredirect", "XREDIRECT_LOG", true);
	ret->broken = false;
	read_server(ret);
	read_local(ret);
	read_pool(ret);
	report_unknown();
	if (!ret->broken && !ret->server[0])
		report_idle();
	errno = saved_errno;
}

const struct config *config_get(void)
{
	/* libc has not begun: an allocator is at work. Later there may be none again. */
	if (!once_is_done(&once) && !environ)
		return NULL;
	switch (once_begin(&once)) {
	case ONCE_DONE:
		return &config;
	case ONCE_OURS:
		config_read(&config);
		once_end(&once);
		return &config;
	default:
		return NULL;
	}
}

__attribute__((constructor)) static void config_init(void)
{
	config_get();
}
