/* SPDX-License-Identifier: MIT */
/* What to do about an error of a broker: the same for all that tell, and for each way to write
 * SERVER. */
#include "tests/unit/unit.h"

#include "common/address.h"
#include "common/remedy.h"
#include "resolver/resolvconf.h"
#include "resolver/why.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HIDDEN                                                                                     \
	"; or, where the program's unit hides it, add BindReadOnlyPaths=/run/xsocket "             \
	"(RootDirectory=, TemporaryFileSystem=) or take it out of InaccessiblePaths="
#define START "nobody listens there; start it: systemctl enable --now xsocket"
#define NONE  "there is no such control socket; start it: systemctl enable --now xsocket"
#define LIST  " (ls /run/xsocket shows those there are)"
#define LATE  "the broker did not answer in time"

static void a_server_has_an_instance(void **state)
{
	static const struct {
		const char *server, *instance;
	} cases[] = {
		{"vpn", "vpn"},
		{"/run/xsocket/vpn", "vpn"},
		{"default", "default"},
		{"/run/xsocket/default", "default"},
		{"/run/xsocket/a/b", NULL},
		{"/run/vpn", NULL},
		{"./vpn", NULL},
		{"@vpn", NULL},
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const char *instance = address_instance(cases[i].server);

		assert_int_equal(!instance, !cases[i].instance);
		if (instance)
			assert_string_equal(instance, cases[i].instance);
	}
}

static void each_server_is_started_in_its_way(void **state)
{
	static const struct {
		const char *server;
		int error;
		const char *text;
	} cases[] = {
		{"vpn", ECONNREFUSED, START "@vpn.socket"},
		{"/run/xsocket/vpn", ECONNREFUSED, START "@vpn.socket"},
		{NULL, ECONNREFUSED, START ".socket"},
		{"/run/xsocket/default", ECONNREFUSED, START ".socket"},
		{"/a/path", ECONNREFUSED, "nobody listens there; start it: xsocket-server /a/path"},
		{"vpn", ENOENT, NONE "@vpn.socket" LIST HIDDEN},
		{"/run/xsocket/vpn", ENOTDIR, NONE "@vpn.socket" LIST HIDDEN},
		{"vpn", ETIMEDOUT, LATE "; see its log: journalctl -u xsocket@vpn"},
		{"/run/xsocket/vpn", ETIMEDOUT, LATE "; see its log: journalctl -u xsocket@vpn"},
		{"default", ETIMEDOUT, LATE "; see its log: journalctl -u xsocket"},
		{"/a/path", ETIMEDOUT, LATE},
	};
	char text[REMEDY_TEXT];

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		assert_string_equal(
			remedy_text(cases[i].server, cases[i].error, text), cases[i].text);
	remedy_text("@vpn", ENOENT, text);
	assert_non_null(strstr(text, "abstract names cannot be reached"));
	remedy_text("/a/path", ENOENT, text);
	assert_non_null(strstr(text, "BindReadOnlyPaths= for its directory"));
}

/* What lib/xsocket.h names has a text of its own, and all others have one in common. */
static void every_error_has_a_remedy(void **state)
{
	static const int named[] = {ENAMETOOLONG, ENOENT, ENOTDIR, ELOOP, ECONNREFUSED, EACCES,
		EPERM, ENETDOWN, ETIMEDOUT, EBADMSG, EOPNOTSUPP, EPROTO, EPROTONOSUPPORT,
		EAFNOSUPPORT, ESOCKTNOSUPPORT, EMFILE, ENFILE, ETOOMANYREFS, EUSERS, EBUSY, ENOBUFS,
		ENOMEM};
	char longest[108], text[REMEDY_TEXT], other[REMEDY_TEXT];

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, ADDRESS_DIRECTORY "/", strlen(ADDRESS_DIRECTORY) + 1);
	longest[sizeof(longest) - 1] = '\0';
	remedy_text(longest, 4095, other);
	for (int error = 1; error < 4096; error++) {
		/* that it is not cut off is seen by room for one more */
		assert_in_range(strlen(remedy_text(longest, error, text)), 10, REMEDY_TEXT - 2);
		assert_true(remedy_is_known(error) || strcmp(text, other) == 0);
	}
	for (size_t i = 0; i < ELEMENTS(named); i++)
		assert_true(remedy_is_known(named[i]));
	assert_false(remedy_is_known(EAGAIN));
}

/* A name that cannot be looked up has the same way out as a socket that cannot be had. */
static void a_look_up_says_the_same(void **state)
{
	static const int errors[] = {ENOENT, ECONNREFUSED, EACCES, EPERM, ENETDOWN, ETIMEDOUT,
		EPROTO, EBADMSG, EAFNOSUPPORT, EMFILE, EUSERS, EBUSY};
	char why[RESOLVER_WHY], text[REMEDY_TEXT], expected[RESOLVER_WHY];

	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		why_text(why, "/run/xsocket/vpn", -errors[i], "no socket can be had");
		snprintf(expected, sizeof(expected), "/run/xsocket/vpn: no socket can be had: %s",
			remedy_text("/run/xsocket/vpn", errors[i], text));
		assert_string_equal(why, expected);
	}
	why_text(why, "vpn", -EACCES, "no socket can be had");
	assert_non_null(strstr(why, "xsocket-server --grant vpn u:USER"));
	assert_non_null(strstr(why, "the group xsocket"));
	why_text(why, "/srv/broker", -EACCES, "no socket can be had");
	assert_non_null(strstr(why, "xsocket-server --grant /srv/broker u:USER"));
	assert_null(strstr(why, "the group xsocket"));
	why_text(why, "vpn", -EINVAL, "the broker cannot be asked");
	assert_string_equal(why, "vpn: the broker cannot be asked: Invalid argument");
}

static void a_path_has_the_files_of_its_name(void **state)
{
	static const struct {
		const char *server, *end;
	} cases[] = {
		{"vpn", ": write /etc/netns/vpn/resolv.conf"},
		{"/run/xsocket/vpn", ": write /etc/netns/vpn/resolv.conf"},
		{"/run/xsocket/default", ": correct /etc/resolv.conf"},
		{NULL, ": correct /etc/resolv.conf"},
		{"/a/path", ": write /etc/netns/NAME/resolv.conf"},
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct resolver_source source = {.name = cases[i].server};
		struct resolvconf conf;
		struct lookup lookup;
		size_t length = strlen(cases[i].end);

		lookup_begin(&lookup, &source, NULL);
		resolvconf_init(&conf);
		lookup.conf = &conf;
		why_servers(&lookup);
		assert_true(strlen(lookup.why) > length);
		assert_string_equal(lookup.why + strlen(lookup.why) - length, cases[i].end);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_has_an_instance),
		cmocka_unit_test(each_server_is_started_in_its_way),
		cmocka_unit_test(every_error_has_a_remedy),
		cmocka_unit_test(a_look_up_says_the_same),
		cmocka_unit_test(a_path_has_the_files_of_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
