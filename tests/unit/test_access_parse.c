/* SPDX-License-Identifier: MIT */
/*
 * u:NAME and g:NAME of the command line: which forms there are, names before numbers, and a message
 * for everything else. The changes to access lists are tested end to end.
 */
#include "tests/unit/unit.h"

#include "server/access.h"

#include <errno.h>
#include <string.h>

static void forms_of_users_and_groups(void **state)
{
	static const struct {
		const char *text;
		bool group;
		unsigned id;
	} cases[] = {
		{"u:root", false, 0},
		{"user:root", false, 0},
		{"g:root", true, 0},
		{"group:root", true, 0},
		{"u:0", false, 0},
		{"u:4000000", false, 4000000},
		{"g:4000000", true, 4000000},
		{"u:4294967294", false, 4294967294u},
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct access_who who = {.id = 77};
		char error[128] = "";

		assert_int_equal(access_parse(cases[i].text, &who, error, sizeof(error)), 0);
		assert_int_equal(who.group, cases[i].group);
		assert_int_equal(who.id, cases[i].id);
		assert_string_equal(error, "");
	}
}

static void what_is_neither_is_refused(void **state)
{
	static const char *const texts[] = {"", ":", "u", "u:", "g:", "root", ":root", "us:root",
		"users:root", "U:root", "o:root", "other:root", "gr:root", "u root", " u:root"};

	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		struct access_who who;
		char error[128] = "";

		assert_int_equal(access_parse(texts[i], &who, error, sizeof(error)), -EINVAL);
		assert_non_null(strstr(error, "neither u:NAME nor g:NAME"));
	}
}

static void who_does_not_exist_is_told(void **state)
{
	/* Numbers have digits only; the last one is "nobody in particular" (chown(2)). */
	static const char *const names[] = {"no-such-user-here", "-1", "+1", "1x", "0x1", " 1",
		"4294967295", "4294967296", "99999999999999999999999"};

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct access_who who;
		char error[128] = "";

		assert_int_equal(
			access_lookup(false, names[i], &who, error, sizeof(error)), -ESRCH);
		assert_non_null(strstr(error, "there is no user"));
		assert_non_null(strstr(error, names[i]));
		assert_int_equal(access_lookup(true, names[i], &who, error, sizeof(error)), -ESRCH);
		assert_non_null(strstr(error, "there is no group"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_of_users_and_groups),
		cmocka_unit_test(what_is_neither_is_refused),
		cmocka_unit_test(who_does_not_exist_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
