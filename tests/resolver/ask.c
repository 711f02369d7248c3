/* SPDX-License-Identifier: MIT */
/*
 * Prints what getaddrinfo(3) and the like come to, one block for each question on stdin: those of
 * libc, or those of resolver/ for another network namespace.
 *
 *   ask native
 *   ask there NETNS DIRECTORY     files of the namespace are in DIRECTORY
 *
 * A question is words: KIND ARGUMENT...; "-" stands for NULL. Nothing here knows what is right.
 */
#include "resolver/resolver.h"

#include "common/cleanup.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <resolv.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool native;
static const char *directory;
static int netns_there, netns_here;
static char why[RESOLVER_WHY];

/* ---- the source ---- */

static int there_socket(void *data, int domain, int type, int protocol)
{
	int fd, r;

	if (setns(netns_there, CLONE_NEWNET) < 0)
		abort();
	fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	r = -errno;
	if (setns(netns_here, CLONE_NEWNET) < 0)
		abort();
	return fd < 0 ? r : fd;
}

static int there_file(void *data, int which)
{
	static const char *const names[] = {"", "resolv.conf", "hosts", "nsswitch.conf"};
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, names[which]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static const struct resolver_source there = {
	.socket = there_socket, .file = there_file, .name = "vpn"};

/* ---- questions ---- */

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

/* A call that worked has left errno alone, which libc does not promise. */
static void begin(void)
{
	errno = 4242;
}

static void end(bool worked)
{
	if (!native && worked && errno != 4242)
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
	r = native ? getaddrinfo(node, service, given, &list)
		   : resolver_getaddrinfo(&there, node, service, given, &list, why);
	end(r == 0);
	printf("= %s\n", r ? gai_strerror(r) : "");
	for (const struct addrinfo *each = list; r == 0 && each; each = each->ai_next) {
		printf("  %d %d %d %#x %u ", each->ai_family, each->ai_socktype, each->ai_protocol,
			each->ai_flags, each->ai_addrlen);
		print_sockaddr(each->ai_addr);
		printf(" %s\n", each->ai_canonname ? each->ai_canonname : "");
	}
	if (r == 0)
		freeaddrinfo(list); /* libc's, for both */
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
	r = native ? getnameinfo(sa, length, host_size ? host : NULL, host_size,
			     service_size ? service : NULL, service_size, flags)
		   : resolver_getnameinfo(&there, sa, length, host_size ? host : NULL, host_size,
			     service_size ? service : NULL, service_size, flags, why);
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
			r = native ? gethostbyaddr_r(&bytes, length, family, &host, buffer, size,
					     &result, &h_error)
				   : resolver_gethostbyaddr_r(&there, &bytes, length, family, &host,
					     buffer, size, &result, &h_error, why);
		else
			r = native ? gethostbyname2_r(parts[0], family, &host, buffer, size,
					     &result, &h_error)
				   : resolver_gethostbyname2_r(&there, parts[0], family, &host,
					     buffer, size, &result, &h_error, why);
		end(r == 0 && result);
		small += r == ERANGE;
	}
	/* for what it does not find glibc wants room, too */
	printf("= %s\n", !result ? hstrerror(h_error) : small ? "after ERANGE" : "at once");
	if (result)
		print_hostent(result);
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
		r = native ? res_send(message, length, answer, size)
			   : resolver_send(&there, message, length, answer, size, why);
		if (r > 0 && memcmp(answer, message, 2) != 0)
			printf("  another number\n");
	} else if (native) {
		r = strcmp(how, "query") == 0 ? res_query(parts[0], C_IN, type, answer, size)
					      : res_search(parts[0], C_IN, type, answer, size);
		h_error = h_errno;
	} else {
		r = strcmp(how, "query") == 0 ? resolver_query(&there, parts[0], C_IN, type, answer,
							size, &h_error, why)
					      : resolver_search(&there, parts[0], C_IN, type,
							answer, size, &h_error, why);
	}
	end(r >= 0);
	printf("= %s\n", r >= 0 ? "" : hstrerror(h_error));
	if (r >= 0)
		print_answer(answer, r);
	free(answer);
}

static void ask(char *line)
{
	char *parts[16], *rest = NULL;
	int n = 0;

	why[0] = '\0';
	printf("? %s\n", line);
	for (char *word = strtok_r(line, " ", &rest); word && n < 16;
		word = strtok_r(NULL, " ", &rest))
		parts[n++] = word;
	if (strcmp(parts[0], "addrinfo") == 0)
		ask_addrinfo(parts + 1, n - 1);
	else if (strcmp(parts[0], "nameinfo") == 0)
		ask_nameinfo(parts + 1, n - 1);
	else if (strcmp(parts[0], "host") == 0 || strcmp(parts[0], "addr") == 0)
		ask_hostent(parts + 1, n - 1, parts[0][0] == 'a');
	else
		ask_raw(parts + 1, n - 1, parts[0]);
	if (why[0])
		fprintf(stderr, "%s\n", why);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;

	native = argc == 2 && strcmp(argv[1], "native") == 0;
	if (!native) {
		if (argc != 4)
			return 2;
		netns_there = open(argv[2], O_RDONLY | O_CLOEXEC);
		netns_here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		directory = argv[3];
	}
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		ask(line);
		fflush(stdout);
	}
	free(line);
	return 0;
}
