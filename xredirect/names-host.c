/* SPDX-License-Identifier: MIT */
/*
 * The look-ups that answer with a struct hostent, and those that answer with a name.
 *
 * Functions that have no buffer of the caller's answer in one of the thread's, which is kept until
 * the thread ends.
 */
#include "xredirect/names.h"

#include "xredirect/names-next.h"
#include "xredirect/names-source.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_FIRST 1024
#define BUFFER_LAST  (1024 * 1024)

int names_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
	socklen_t host_size, char *service, socklen_t service_size, int flags)
{
	struct names names;
	int r;

	if (!names_begin(&names))
		return next_getnameinfo(
			address, length, host, host_size, service, service_size, flags);
	r = names.route.broken ? names_broken()
			       : resolver_getnameinfo(&names.source, address, length, host,
					 host_size, service, service_size, flags, names.why);
	names_end(&names);
	if (r == EAI_SYSTEM)
		errno = names_errno(errno);
	return r;
}

/* What a function with a buffer of the caller's returns, and leaves in errno. */
static int end_host(const struct names *names, int r, const int *h_errno_ret)
{
	names_end(names);
	if (r == 0 || *h_errno_ret != NETDB_INTERNAL)
		return r;
	errno = names_errno(r);
	return errno;
}

static int broken_host(struct hostent **result, int *h_errno_ret)
{
	*result = NULL;
	*h_errno_ret = NETDB_INTERNAL;
	return EINVAL;
}

int names_gethostbyname_r(const char *name, int family, struct hostent *ret, char *buffer,
	size_t size, struct hostent **result, int *h_errno_ret)
{
	struct names names;
	int r;

	if (!names_begin(&names))
		return next_gethostbyname2_r(name, family, ret, buffer, size, result, h_errno_ret);
	r = names.route.broken ? broken_host(result, h_errno_ret)
			       : resolver_gethostbyname2_r(&names.source, name, family, ret, buffer,
					 size, result, h_errno_ret, names.why);
	return end_host(&names, r, h_errno_ret);
}

int names_gethostbyaddr_r(const void *address, socklen_t length, int family, struct hostent *ret,
	char *buffer, size_t size, struct hostent **result, int *h_errno_ret)
{
	struct names names;
	int r;

	if (!names_begin(&names))
		return next_gethostbyaddr_r(
			address, length, family, ret, buffer, size, result, h_errno_ret);
	r = names.route.broken ? broken_host(result, h_errno_ret)
			       : resolver_gethostbyaddr_r(&names.source, address, length, family,
					 ret, buffer, size, result, h_errno_ret, names.why);
	return end_host(&names, r, h_errno_ret);
}

/* What a thread's last answer is in, and how far it has read the hosts file. */
struct answer {
	struct hostent host;
	off_t position;
	size_t size;
	char buffer[];
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_key;

static void make_key(void)
{
	has_key = pthread_key_create(&key, free) == 0;
}

/* The thread's answer, with a buffer of at least that size, or NULL and errno. */
static struct answer *answer_get(size_t size)
{
	struct answer *answer, *grown;

	pthread_once(&once, make_key);
	if (!has_key) {
		errno = ENOMEM;
		return NULL;
	}
	answer = pthread_getspecific(key);
	if (answer && answer->size >= size)
		return answer;
	grown = realloc(answer, sizeof(*answer) + size);
	if (!grown)
		return NULL;
	grown->size = size;
	if (!answer)
		grown->position = 0;
	if (pthread_setspecific(key, grown) != 0) {
		free(grown);
		return NULL;
	}
	return grown;
}

void names_sethostent(void)
{
	struct answer *answer = answer_get(0);

	if (answer)
		answer->position = 0;
}

int names_gethostent_r(
	struct hostent *ret, char *buffer, size_t size, struct hostent **result, int *h_errno_ret)
{
	struct answer *answer = answer_get(0);
	struct names names;
	int r = ENOMEM;

	*result = NULL;
	*h_errno_ret = NETDB_INTERNAL;
	if (!answer || !names_begin(&names))
		return r;
	r = names.route.broken ? broken_host(result, h_errno_ret)
			       : resolver_gethostent_r(&names.source, &answer->position, ret,
					 buffer, size, result, h_errno_ret, names.why);
	return end_host(&names, r, h_errno_ret);
}

/* One of the questions; with neither a name nor an address the next entry. */
struct question {
	const char *name;
	const void *address;
	socklen_t length;
	int family;
};

static struct hostent *answer_question(const struct question *question)
{
	struct hostent *result = NULL;
	struct answer *answer;
	int r = ERANGE;

	for (size_t size = BUFFER_FIRST; r == ERANGE && size <= BUFFER_LAST; size *= 2) {
		answer = answer_get(size);
		if (!answer) {
			h_errno = NETDB_INTERNAL;
			return NULL;
		}
		if (question->name)
			r = names_gethostbyname_r(question->name, question->family, &answer->host,
				answer->buffer, answer->size, &result, &h_errno);
		else if (question->address)
			r = names_gethostbyaddr_r(question->address, question->length,
				question->family, &answer->host, answer->buffer, answer->size,
				&result, &h_errno);
		else
			r = names_gethostent_r(
				&answer->host, answer->buffer, answer->size, &result, &h_errno);
	}
	if (r != 0)
		errno = r;
	return result;
}

struct hostent *names_gethostbyname(const char *name, int family)
{
	return answer_question(&(struct question){.name = name, .family = family});
}

struct hostent *names_gethostbyaddr(const void *address, socklen_t length, int family)
{
	return answer_question(
		&(struct question){.address = address, .length = length, .family = family});
}

struct hostent *names_gethostent(void)
{
	return answer_question(&(struct question){.name = NULL});
}

/* What sethostid(3) has left. */
static bool read_hostid(int32_t *ret)
{
	_cleanup_fd_ int fd = open("/etc/hostid", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

/*
 * As glibc has it, which looks the machine's own name up where there is no such file, by calls that
 * nobody can stand in front of: half of the address, and the other half.
 */
long names_gethostid(void)
{
	char name[HOST_NAME_MAX + 1] = "";
	const struct hostent *host;
	uint32_t address;
	int32_t id;

	if (read_hostid(&id))
		return id;
	if (gethostname(name, sizeof(name)) < 0 || !name[0])
		return 0;
	host = names_gethostbyname(name, AF_INET);
	if (!host || host->h_length != (int)sizeof(address))
		return 0;
	memcpy(&address, host->h_addr_list[0], sizeof(address));
	return (int32_t)(address << 16 | address >> 16);
}
