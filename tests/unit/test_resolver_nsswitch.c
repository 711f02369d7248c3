/* SPDX-License-Identifier: MIT */
/* "hosts:" of nsswitch.conf is understood as nsswitch.h promises. */
#include "tests/unit/unit.h"

#include "resolver/nsswitch.h"

#include <string.h>

/* order: f files, d dns, o others; behind each N or U where NOTFOUND or UNAVAIL end the search. */
static const struct {
	const char *line, *order;
} lines[] = {
	{"hosts: files", "f"},
	{"hosts:files dns", "fd"},
	{"  hosts:\tdns\tfiles\n", "df"},
	{"hosts: files dns # resolve", "fd"},
	{"hosts: files#dns", "f"},
	{"hosts: files mdns4_minimal [NOTFOUND=return] dns", "foNd"},
	{"hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns", "ooNfod"},
	{"hosts: files [NOTFOUND=return] dns", "fNd"},
	{"hosts: files [notfound=RETURN]dns", "fNd"},
	{"hosts: files[NOTFOUND=return]dns", "fNd"},
	{"hosts: dns [UNAVAIL=return] files", "dUf"},
	{"hosts: dns [ UNAVAIL = return  NOTFOUND = return ] files", "dNUf"},
	{"hosts: dns [!SUCCESS=return] files", "dNUf"},
	{"hosts: dns [!UNAVAIL=return] files", "dNf"},
	{"hosts: dns [!SUCCESS=return NOTFOUND=continue] files", "dUf"},
	{"hosts: dns [SUCCESS=continue] files", "df"},
	{"hosts: dns [SUCCESS=merge] files", "df"},
	{"hosts: dns [TRYAGAIN=return] files", "df"},
	{"hosts: Files DNS", "oo"},
	{"hosts: filesdns dnsfiles", "oo"},
	{"hosts files", "fd"},
	{"#hosts: dns", "fd"},
	{"passwd: dns", "fd"},
	/* nobody is asked */
	{"hosts:", ""},
	{"hosts: # none", ""},
	{"hosts: dns [NOTFOUND]", ""},
	{"hosts: dns [NOTFOUND=", ""},
	{"hosts: dns [NOTFOUND=return", ""},
	{"hosts: dns [NOTFOUND=leave]", ""},
	{"hosts: dns [MISSING=return]", ""},
	{"hosts: dns [!=return]", ""},
	{"hosts: [NOTFOUND=return] dns", ""},
	{"hosts: a b c d e f g h i j k l m n o p q", ""},
};

static const char *text_of(const struct nsswitch *order, char text[4 * NSSWITCH_SOURCES])
{
	char *end = text;

	for (unsigned i = 0; i < order->n; i++) {
		*end++ = "fdo"[order->sources[i].kind];
		if (nsswitch_ends(&order->sources[i], OUTCOME_NO_NAME))
			*end++ = 'N';
		if (nsswitch_ends(&order->sources[i], OUTCOME_AGAIN))
			*end++ = 'U';
	}
	*end = '\0';
	return text;
}

static void test_lines(void **state)
{
	char text[4 * NSSWITCH_SOURCES];
	struct nsswitch order;

	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		print_message("# case %zu\n", i);
		nsswitch_init(&order);
		nsswitch_line(&order, lines[i].line);
		assert_string_equal(text_of(&order, text), lines[i].order);
	}
}

/* The last line counts. */
static void test_several_lines(void **state)
{
	char text[4 * NSSWITCH_SOURCES];
	struct nsswitch order;

	nsswitch_init(&order);
	nsswitch_line(&order, "hosts: files");
	nsswitch_line(&order, "hosts: dns [NOTFOUND=return] files");
	nsswitch_line(&order, "networks: files");
	assert_string_equal(text_of(&order, text), "dNf");
}

static void test_outcomes(void **state)
{
	static const struct nsswitch_source lax = {NSSWITCH_DNS, false, false},
					    strict = {NSSWITCH_DNS, true, false};

	assert_true(nsswitch_ends(&lax, OUTCOME_FOUND));
	assert_true(nsswitch_ends(&lax, OUTCOME_SYSTEM));
	assert_false(nsswitch_ends(&lax, OUTCOME_NO_DATA));
	assert_false(nsswitch_ends(&lax, OUTCOME_FAIL));
	assert_true(nsswitch_ends(&strict, OUTCOME_NO_DATA));
	assert_true(nsswitch_ends(&strict, OUTCOME_DEAD_END));
	assert_false(nsswitch_ends(&strict, OUTCOME_AGAIN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_several_lines),
		cmocka_unit_test(test_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
