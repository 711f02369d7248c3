/* SPDX-License-Identifier: MIT */
/*
 * Prints what getaddrinfo(3) and the like come to in one way (ways.h), a block for each question on
 * stdin; on stderr, why some of them have no answer. Nothing here knows what is right.
 *
 * A question is words: KIND ARGUMENT...; "-" stands for NULL, and '' for "".
 */
#include "tests/resolver/ways.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <locale.h>
#include <resolv.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct way *way;
static bool careful; /* errno stays as it is, which libc does not promise */

static const struct {
	const char *name;
	int value;
} words[] = {
	{"unspec", AF_UNSPEC},
	{"inet", AF_INET},
	{"inet6", AF_INET6},
	{"unix", AF_UNIX},
	{"stream", SOCK_STREAM},
	{"dgram", SOCK_DGRAM},
	{"raw", SOCK_RAW},
	{"seqpacket", SOCK_SEQPACKET},
	{"passive", AI_PASSIVE},
	{"canonname", AI_CANONNAME},
	{"numerichost", AI_NUMERICHOST},
	{"numericserv", AI_NUMERICSERV},
	{"v4mapped", AI_V4MAPPED},
	{"all", AI_ALL},
	{"addrconfig", AI_ADDRCONFIG},
	{"ninumerichost", NI_NUMERICHOST},
	{"ninumericserv", NI_NUMERICSERV},
	{"nofqdn", NI_NOFQDN},
	{"namereqd", NI_NAMEREQD},
	{"nidgram", NI_DGRAM},
};

/* "inet", "canonname+all", or a number */
static int value_of(char *text)
{
	char *rest = NULL;
	int value = 0;

	for (char *word = strtok_r(text, "+", &rest); word; word = strtok_r(NULL, "+", &rest)) {
		int found = atoi(word);

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (strcmp(words[i].name, word) == 0)
				found = words[i].value;
		}
		value |= found;
	}
	return value;
}

static const char *text_of(const char *word)
{
	return strcmp(word, "-") == 0 ? NULL : strcmp(word, "''") == 0 ? "" : word;
}

static void print_sockaddr(const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	char text[INET6_ADDRSTRLEN];

	if (sa->sa_family == AF_INET)
		printf("%s:%d", inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)),
			ntohs(in->sin_port));
	else
		printf("[%s%%%u]:%d", inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)),
			in6->sin6_scope_id, ntohs(in6->sin6_port));
}

static void begin(void)
{
	errno = 4242;
}

static void end(bool worked)
{
	if (careful && worked && errno != 4242)
		printf("  errno became %d\n", errno);
}

/* addrinfo NODE SERVICE [FAMILY TYPE PROTOCOL FLAGS] */
static void ask_addrinfo(char **parts, int n)
{
	const char *node = text_of(parts[0]), *service = text_of(parts[1]);
	struct addrinfo hints = {0}, *list = NULL, *given = n > 2 ? &hints : NULL;
	int r;

	if (given) {
		hints.ai_family = value_of(parts[2]);
		hints.ai_socktype = value_of(parts[3]);
		hints.ai_protocol = value_of(parts[4]);
		hints.ai_flags = value_of(parts[5]);
	}
	begin();
	r = way->getaddrinfo(node, service, given, &list);
	end(r == 0);
	printf("= %s\n", r ? gai_strerror(r) : "");
	for (const struct addrinfo *each = list; r == 0 && each; each = each->ai_next) {
		printf("  %d %d %d %#x %u ", each->ai_family, each->ai_socktype, each->ai_protocol,
			each->ai_flags, each->ai_addrlen);
		print_sockaddr(each->ai_addr);
		printf(" %s\n", each->ai_canonname ? each->ai_canonname : "");
	}
	if (r == 0)
		way->freeaddrinfo(list);
}

static socklen_t read_sockaddr(const char *address, const char *port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	char text[128];
	const char *scope = strchr(address, '%');

	memset(ret, 0, sizeof(*ret));
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(address, "%"), address);
	in->sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET, text, &in->sin_addr) > 0) {
		in->sin_family = AF_INET;
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) > 0) {
		in6->sin6_family = AF_INET6;
		in6->sin6_scope_id = scope ? (uint32_t)atoi(scope + 1) : 0;
		return sizeof(*in6);
	}
	ret->ss_family = AF_UNIX;
	snprintf((char *)ret + sizeof(sa_family_t), 100, "%s", address);
	return (socklen_t)(sizeof(sa_family_t) + strlen(address) + 1);
}

/* nameinfo ADDRESS PORT FLAGS [HOST-SIZE SERVICE-SIZE [LENGTH]] */
static void ask_nameinfo(char **parts, int n)
{
	struct sockaddr_storage address;
	socklen_t length = read_sockaddr(parts[0], parts[1], &address);
	socklen_t host_size = n > 3 ? (socklen_t)atoi(parts[3]) : NI_MAXHOST;
	socklen_t service_size = n > 4 ? (socklen_t)atoi(parts[4]) : NI_MAXSERV;
	char host[NI_MAXHOST] = "-", service[NI_MAXSERV] = "-";
	int flags = value_of(parts[2]), r;
	const struct sockaddr *sa = (struct sockaddr *)&address;

	if (n > 5)
		length = (socklen_t)atoi(parts[5]);
	begin();
	r = way->getnameinfo(sa, length, host_size ? host : NULL, host_size,
		service_size ? service : NULL, service_size, flags);
	end(r == 0);
	printf("= %s\n", r ? gai_strerror(r) : "");
	if (r == 0)
		printf("  %s %s\n", host, service);
}

static void print_hostent(const struct hostent *host)
{
	char text[INET6_ADDRSTRLEN];

	printf("  %s %d %d\n", host->h_name, host->h_addrtype, host->h_length);
	for (char **each = host->h_aliases; *each; each++)
		printf("  alias %s\n", *each);
	for (char **each = host->h_addr_list; *each; each++)
		printf("  %s\n", inet_ntop(host->h_addrtype, *each, text, sizeof(text)));
}

/*
 * host NAME FAMILY, addr ADDRESS: all that is found, and whether a buffer that is too small is said
 * to be
 */
static void ask_hostent(char **parts, int n, bool by_address)
{
	struct hostent host, *result = NULL;
	struct sockaddr_storage address;
	union address_bytes {
		struct in_addr in;
		struct in6_addr in6;
	} bytes;
	int family = n > 1 ? value_of(parts[1]) : AF_UNSPEC, h_error = 0, r = ERANGE;
	socklen_t length = 0;
	char *buffer = NULL;
	unsigned small = 0;

	if (by_address) {
		read_sockaddr(parts[0], "0", &address);
		family = address.ss_family;
		length = family == AF_INET ? 4 : 16;
		memcpy(&bytes, (char *)&address + (family == AF_INET ? 4 : 8), length);
	}
	for (size_t size = 1; r == ERANGE && size < 1 << 20; size *= 2) {
		free(buffer);
		buffer = malloc(size); /* exactly, for sanitizers */
		begin();
		if (by_address)
			r = way->gethostbyaddr_r(
				&bytes, length, family, &host, buffer, size, &result, &h_error);
		else
			r = way->gethostbyname2_r(
				parts[0], family, &host, buffer, size, &result, &h_error);
		end(r == 0 && result);
		small += r == ERANGE;
	}
	/* for what it does not find glibc wants room, too */
	printf("= %s\n", !result ? hstrerror(h_error) : small ? "after ERANGE" : "at once");
	if (result)
		print_hostent(result);
	free(buffer);
}

/* hosts BYTES: all entries, with a buffer that is made larger where it has to be. */
static void ask_all(char **parts)
{
	size_t size = (size_t)atoi(parts[0]);
	struct hostent host, *result;
	char *buffer = malloc(size);
	off_t position = 0;
	int h_error = 0, r;

	printf("= \n");
	for (;;) {
		begin();
		r = way->gethostent_r(&position, &host, buffer, size, &result, &h_error);
		end(r == 0 && result);
		if (result)
			print_hostent(result);
		else if (r == ERANGE)
			buffer = realloc(buffer, size += size);
		else
			break;
	}
	free(buffer);
}

/* The header but for its number, and what is in the sections, as far as it does not change. */
static void print_answer(const unsigned char *answer, int length)
{
	printf("  %d bytes:", length);
	for (int i = 2; i < length; i++)
		printf(" %02x", answer[i]);
	printf("\n");
}

/* query NAME TYPE [SIZE], search NAME TYPE [SIZE], send NAME TYPE [SIZE] */
static void ask_raw(char **parts, int n, const char *how)
{
	unsigned char message[512], *answer;
	int type = atoi(parts[1]), size = n > 2 ? atoi(parts[2]) : 65536, length, r = -1;
	int h_error = 0;

	answer = calloc(1, (size_t)size + 1);
	begin();
	if (strcmp(how, "send") == 0) {
		length = res_mkquery(
			QUERY, parts[0], C_IN, type, NULL, 0, NULL, message, sizeof(message));
		begin();
		r = way->send(message, length, answer, size);
		if (r > 0 && memcmp(answer, message, 2) != 0)
			printf("  another number\n");
	} else if (strcmp(how, "query") == 0) {
		r = way->query(parts[0], type, answer, size, &h_error);
	} else {
		r = way->search(parts[0], type, answer, size, &h_error);
	}
	end(r >= 0);
	printf("= %s\n", r >= 0 ? "" : hstrerror(h_error));
	if (r >= 0)
		print_answer(answer, r);
	free(answer);
}

static void ask(char *line)
{
	char *parts[16] = {NULL}, *rest = NULL;
	int n = 0;

	printf("? %s\n", line);
	for (char *word = strtok_r(line, " ", &rest); word && n < 16;
		word = strtok_r(NULL, " ", &rest))
		parts[n++] = word;
	if (strcmp(parts[0], "addrinfo") == 0)
		ask_addrinfo(parts + 1, n - 1);
	else if (strcmp(parts[0], "nameinfo") == 0)
		ask_nameinfo(parts + 1, n - 1);
	else if (strcmp(parts[0], "hosts") == 0)
		ask_all(parts + 1);
	else if (strcmp(parts[0], "host") == 0 || strcmp(parts[0], "addr") == 0)
		ask_hostent(parts + 1, n - 1, parts[0][0] == 'a');
	else
		ask_raw(parts + 1, n - 1, parts[0]);
	if (way->why()[0])
		fprintf(stderr, "%s\n", way->why());
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;

	setlocale(LC_CTYPE, "");
	way = way_of(argc - 1, argv + 1);
	if (!way)
		return 2;
	careful = strcmp(argv[1], "native") != 0;
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		ask(line);
		fflush(stdout);
	}
	free(line);
	return 0;
}
