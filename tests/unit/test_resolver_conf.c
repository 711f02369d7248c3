/* SPDX-License-Identifier: MIT */
/* resolv.conf is understood as resolvconf.h promises. */
#include "tests/unit/unit.h"

#include "resolver/resolvconf.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* What is read, in one line: servers; domains; ndots timeout attempts; flags. */
static const struct {
	const char *text, *read;
} files[] = {
	{"", ";;1 5 2;"},
	{"# nameserver 1.2.3.4\n;nameserver 1.2.3.4\n nameserver 1.2.3.4\n", ";;1 5 2;"},
	{"nameserver 1.2.3.4", "1.2.3.4;;1 5 2;"},
	{"nameserver\t1.2.3.4 # comment\nnameserver ::1\n", "1.2.3.4 ::1;;1 5 2;"},
	{"nameserver 1.2.3.4\r\n", "1.2.3.4;;1 5 2;"},
	{"nameserver 127.1\nnameserver 0x7f.2\n", "127.0.0.1 127.0.0.2;;1 5 2;"},
	{"nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n",
		"1.1.1.1 1.1.1.2 1.1.1.3;;1 5 2;"},
	{"nameserver\nnameserver nobody\nnameserver 1.2.3.4%lo\nnameserver1.2.3.4\n", ";;1 5 2;"},
	{"nameserver fe80::1%eth0\nnameserver fe80::2%7\nnameserver fe80::3\n",
		"fe80::1%eth0 fe80::2%7 fe80::3;;1 5 2;"},
	{"nameserver fe80::1%\nnameserver fe80::1%a-name-that-is-too-long\n", ";;1 5 2;"},
	{"domain one.example\n", ";one.example;1 5 2;"},
	{"domain one.example two.example\n", ";one.example;1 5 2;"},
	{"search one.example\ttwo.example \n", ";one.example two.example;1 5 2;"},
	{"search one\ndomain two\n", ";two;1 5 2;"},
	{"domain one\nsearch two three\n", ";two three;1 5 2;"},
	{"search one\nsearch\n", ";one;1 5 2;"},
	{"options ndots:3 timeout:1 attempts:4\n", ";;3 1 4;"},
	{"options ndots:99 timeout:99 attempts:99\n", ";;15 30 5;"},
	{"options ndots:0\noptions timeout:0 attempts:0\n", ";;0 0 0;"},
	{"options ndots timeout attempts: ndots:x ndotsx:3\n", ";;0 5 0;"},
	{"options ndots:99999999999999999999\n", ";;15 5 2;"},
	{"options rotate use-vc edns0 trust-ad no-tld-query single-request no-aaaa\n",
		";;1 5 2;rotate vc edns0 ad tld single aaaa"},
	{"options rotate\noptions single-request-reopen inet6 debug rotatex\n",
		";;1 5 2;rotate reopen"},
	{"options no_tld_query no-reload\n", ";;1 5 2;tld fixed"},
	{"options an-option-that-is-much-longer-than-any-that-there-is ndots:2\n", ";;2 5 2;"},
};

static void describe(const struct resolvconf *conf, char *ret)
{
	char text[INET6_ADDRSTRLEN];
	const struct {
		bool flag;
		const char *name;
	} flags[] = {
		{conf->rotate, "rotate"},
		{conf->use_vc, "vc"},
		{conf->edns0, "edns0"},
		{conf->trust_ad, "ad"},
		{conf->no_tld_query, "tld"},
		{conf->single_request, "single"},
		{conf->single_request_reopen, "reopen"},
		{conf->no_reload, "fixed"},
		{conf->no_aaaa, "aaaa"},
	};
	bool first = true;

	*ret = '\0';
	for (unsigned i = 0; i < conf->n_servers; i++) {
		const struct resolvconf_server *server = &conf->servers[i];

		inet_ntop(server->family, &server->address, text, sizeof(text));
		ret += sprintf(ret, "%s%s%s%s", i ? " " : "", text, server->scope[0] ? "%" : "",
			server->scope);
	}
	ret += sprintf(ret, ";");
	for (unsigned i = 0; i < conf->n_domains; i++)
		ret += sprintf(ret, "%s%s", i ? " " : "", conf->domains[i]);
	ret += sprintf(ret, ";%u %u %u;", conf->ndots, conf->timeout_s, conf->attempts);
	for (size_t i = 0; i < ELEMENTS(flags); i++) {
		if (!flags[i].flag)
			continue;
		ret += sprintf(ret, "%s%s", first ? "" : " ", flags[i].name);
		first = false;
	}
}

static void test_files(void **state)
{
	char text[512], read[512], *rest;
	struct resolvconf conf;

	for (size_t i = 0; i < ELEMENTS(files); i++) {
		print_message("# case %zu\n", i);
		strcpy(text, files[i].text);
		resolvconf_init(&conf);
		for (char *line = strtok_r(text, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest))
			resolvconf_line(&conf, line);
		describe(&conf, read);
		assert_string_equal(read, files[i].read);
	}
}

/* A list that is too long loses domains at its end, and none is cut in two. */
static void test_a_long_list(void **state)
{
	char text[4096] = "search";
	struct resolvconf conf;

	for (int i = 0; i < 20; i++)
		sprintf(text + strlen(text), " %0150d.example", i);
	resolvconf_init(&conf);
	resolvconf_line(&conf, text);
	assert_in_range(conf.n_domains, 10, 19);
	for (unsigned i = 0; i < conf.n_domains; i++)
		assert_int_equal(strlen(conf.domains[i]), 158);
	strcpy(text, "search");
	for (int i = 0; i < 100; i++)
		sprintf(text + strlen(text), " d%d", i);
	resolvconf_line(&conf, text);
	assert_int_equal(conf.n_domains, RESOLVCONF_DOMAINS);
	assert_string_equal(conf.domains[31], "d31");
}

static void test_environment(void **state)
{
	struct resolvconf conf;
	char read[512];

	resolvconf_init(&conf);
	resolvconf_line(&conf, "search a b");
	resolvconf_options(&conf, "ndots:2  edns0");
	resolvconf_search(&conf, "c.example d.example");
	describe(&conf, read);
	assert_string_equal(read, ";c.example d.example;2 5 2;edns0");
	assert_true(conf.has_search);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_a_long_list),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
