/* SPDX-License-Identifier: MIT */
/* Looks names up in every way that libc has, and prints what came of it. */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *text(int family, const void *address)
{
	static char buffer[INET6_ADDRSTRLEN];

	return inet_ntop(family, address, buffer, sizeof(buffer));
}

static void host(const char *call, const struct hostent *host)
{
	printf("%s: %s", call, host ? host->h_name : "");
	if (!host)
		printf("%s", hstrerror(h_errno));
	for (char **alias = host ? host->h_aliases : NULL; alias && *alias; alias++)
		printf(" (%s)", *alias);
	for (char **address = host ? host->h_addr_list : NULL; address && *address; address++)
		printf(" %s", text(host->h_addrtype, *address));
	printf("\n");
}

static void addrinfo(const char *name, const char *service, int family, int flags)
{
	struct addrinfo hints = {.ai_family = family, .ai_flags = flags, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int r = getaddrinfo(name, service, &hints, &list);

	printf("getaddrinfo %s: %s", name, r == 0 ? "" : gai_strerror(r));
	if (list && list->ai_canonname)
		printf("(%s)", list->ai_canonname);
	for (struct addrinfo *each = list; each; each = each->ai_next) {
		char address[NI_MAXHOST], port[NI_MAXSERV];

		if (getnameinfo(each->ai_addr, each->ai_addrlen, address, sizeof(address), port,
			    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
			printf(" %s %s", address, port);
	}
	printf("\n");
	if (list)
		freeaddrinfo(list);
}

static void nameinfo(const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
	char name[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
	int r;

	inet_pton(AF_INET, address, &in.sin_addr);
	r = getnameinfo((struct sockaddr *)&in, sizeof(in), name, sizeof(name), service,
		sizeof(service), NI_NAMEREQD);
	printf("getnameinfo %s: %s %s\n", address, r == 0 ? name : gai_strerror(r), service);
}

static void hosts(const char *name)
{
	struct hostent entry, *result = NULL;
	char buffer[4096];
	int error = 0;

	host("gethostbyname", gethostbyname(name));
	host("gethostbyname2", gethostbyname2(name, AF_INET6));
	gethostbyname_r(name, &entry, buffer, sizeof(buffer), &result, &error);
	host("gethostbyname_r", result);
	gethostbyname2_r(name, AF_INET6, &entry, buffer, sizeof(buffer), &result, &error);
	host("gethostbyname2_r", result);
}

static void addresses(const char *address)
{
	struct hostent entry, *result = NULL;
	char buffer[4096];
	struct in_addr in;
	int error = 0;

	inet_pton(AF_INET, address, &in);
	host("gethostbyaddr", gethostbyaddr(&in, sizeof(in), AF_INET));
	gethostbyaddr_r(&in, sizeof(in), AF_INET, &entry, buffer, sizeof(buffer), &result, &error);
	host("gethostbyaddr_r", result);
}

static void answer(const char *call, const unsigned char *data, int size)
{
	ns_msg message;
	ns_rr record;

	printf("%s: ", call);
	if (size < 0 || ns_initparse(data, size, &message) < 0) {
		printf("%s\n", hstrerror(h_errno));
		return;
	}
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
		if (ns_parserr(&message, ns_s_an, i, &record) == 0)
			printf(" %s type %d, %d bytes", ns_rr_name(record), ns_rr_type(record),
				ns_rr_rdlen(record));
	}
	printf("\n");
}

static void records(const char *name, const char *first, const char *rest)
{
	unsigned char data[4096], question[512];
	int size;

	answer("res_query", data, res_query(name, ns_c_in, ns_t_txt, data, sizeof(data)));
	answer("res_search", data, res_search(name, ns_c_in, ns_t_a, data, sizeof(data)));
	answer("res_querydomain", data,
		res_querydomain(first, rest, ns_c_in, ns_t_mx, data, sizeof(data)));
	size = res_mkquery(
		ns_o_query, name, ns_c_in, ns_t_aaaa, NULL, 0, NULL, question, sizeof(question));
	answer("res_send", data, res_send(question, size, data, sizeof(data)));
	if (res_ninit(&_res) == 0) {
		answer("res_nquery", data,
			res_nquery(&_res, name, ns_c_in, ns_t_a, data, sizeof(data)));
		answer("res_nsearch", data,
			res_nsearch(&_res, name, ns_c_in, ns_t_a, data, sizeof(data)));
		answer("res_nsend", data, res_nsend(&_res, question, size, data, sizeof(data)));
	}
}

int main(void)
{
	res_init();
	addrinfo("web.example", "http", AF_UNSPEC, AI_CANONNAME);
	addrinfo("web.example", "80", AF_INET6, AI_ADDRCONFIG);
	addrinfo("four.example", NULL, AF_INET6, AI_V4MAPPED);
	addrinfo("absent.example", NULL, AF_UNSPEC, 0);
	addrinfo("localhost", NULL, AF_UNSPEC, 0);
	nameinfo("192.0.2.1");
	nameinfo("192.0.2.99");
	hosts("web.example");
	hosts("absent.example");
	addresses("192.0.2.1");
	addresses("192.0.2.99");
	records("web.example", "web", "example");
	records("absent.example", "absent", "example");
	return 0;
}
