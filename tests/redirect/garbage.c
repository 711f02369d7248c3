/* SPDX-License-Identifier: MIT */
/*
 * Addresses that are none, too short, too long, or not there; descriptors that are no sockets. The
 * library looks at all of it before the kernel does, and must not be the one to fail.
 */
#include "tests/redirect/local.h"

#include <limits.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/un.h>

#define PORT 3400

static const socklen_t lengths[] = {0, 1, 2, 3, 8, 15, 16, 17, 23, 24, 27, 28, 29, 110, 128, 129,
	256, 4096, INT_MAX, (socklen_t)INT_MAX + 1, (socklen_t)-1};
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

/* A page, behind which there is nothing. */
static char *page_end(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(pages != MAP_FAILED && munmap(pages + size, size) == 0);
	return pages + size;
}

static void say(int result)
{
	if (result < 0)
		printf(" %s", strerrorname_np(errno));
	else
		printf(" %d", result);
}

/* All that takes an address, each with a socket that has not been used. */
static void all(int domain, int type, const void *address, socklen_t length)
{
	struct iovec data = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct mmsghdr message = {.msg_hdr = {.msg_name = (void *)(uintptr_t)address,
					  .msg_namelen = length,
					  .msg_iov = &data,
					  .msg_iovlen = 1}};
	int fds[5];

	for (int i = 0; i < 5; i++)
		fds[i] = socket(domain, type | SOCK_NONBLOCK, 0);
	printf("%d %d %u:", domain, type, length);
	say(connect(fds[0], address, length));
	say(bind(fds[1], address, length));
	say((int)sendto(fds[2], "x", 1, MSG_NOSIGNAL, address, length));
	say((int)sendmsg(fds[3], &message.msg_hdr, MSG_NOSIGNAL));
	say(sendmmsg(fds[4], &message, 1, MSG_NOSIGNAL));
	printf("\n");
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}

static void with_all_sockets(const void *address, socklen_t length)
{
	all(AF_INET, SOCK_DGRAM, address, length);
	all(AF_INET6, SOCK_DGRAM, address, length);
	all(AF_INET, SOCK_STREAM, address, length);
	all(AF_INET6, SOCK_STREAM, address, length);
}

static void of_all_lengths(int domain, const char *text)
{
	static const sa_family_t families[] = {AF_UNSPEC, AF_UNIX, 77, 0xffff};
	static char room[8192];
	struct sockaddr_storage address = address_of(domain, text, PORT);

	printf("-- %s\n", text);
	for (size_t i = 0; i < LENGTHS; i++) {
		memset(room, 0, sizeof(room));
		memcpy(room, &address, sizeof(address));
		/* More than fits into what such an address is. */
		if (lengths[i] < sizeof(room))
			with_all_sockets(room, lengths[i]);
	}
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		address.ss_family = families[i];
		printf("-- family %x\n", families[i]);
		with_all_sockets(&address, length_of(&address));
	}
}

static void of_no_memory(void)
{
	char *end = page_end();
	struct sockaddr_storage address = address_of(AF_INET, LISTED, PORT);

	printf("-- no memory\n");
	for (size_t i = 0; i < LENGTHS; i++) {
		with_all_sockets(NULL, lengths[i]);
		with_all_sockets((void *)8, lengths[i]);
		with_all_sockets((void *)UINTPTR_MAX, lengths[i]);
		with_all_sockets((void *)(UINTPTR_MAX / 2), lengths[i]);
		with_all_sockets(end, lengths[i]);
	}
	/* It ends where there is no more memory, or is said to go on. */
	for (size_t size = 1; size <= 28; size++) {
		memcpy(end - size, &address, size);
		with_all_sockets(end - size, (socklen_t)size);
		with_all_sockets(end - size, 28);
	}
}

/* musl copies a message, whatever it is. */
#ifdef __GLIBC__
static void no_messages(int fd, const struct mmsghdr *message)
{
	char *end = page_end();

	SAY(sendmsg(fd, NULL, 0));
	SAY(sendmsg(fd, (void *)8, 0));
	SAY(sendmsg(fd, (void *)end, 0));
	SAY(sendmsg(fd, (void *)(end - 16), 0));
	SAY(sendmmsg(fd, NULL, 1, 0));
	SAY(sendmmsg(fd, NULL, 0, 0));
	SAY(sendmmsg(fd, (void *)end, 1, 0));
	SAY(sendmmsg(fd, (void *)(end - 16), 1, 0));
	/* There is one, and said to be many. */
	memcpy(end - sizeof(*message), message, sizeof(*message));
	SAY(sendmmsg(fd, (void *)(end - sizeof(*message)), 2, 0));
	SAY(sendmmsg(fd, (void *)(end - sizeof(*message)), 5000, 0));
	SAY(sendmmsg(fd, (void *)(end - sizeof(*message)), UINT_MAX, 0));
}
#else
static void no_messages(int fd, const struct mmsghdr *message)
{
}
#endif

static void messages(void)
{
	struct sockaddr_storage to = address_of(AF_INET, UNLISTED, PORT);
	struct iovec data = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct mmsghdr message = {.msg_hdr = {.msg_name = &to,
					  .msg_namelen = sizeof(struct sockaddr_in),
					  .msg_iov = &data,
					  .msg_iovlen = 1}};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	printf("-- messages\n");
	no_messages(fd, &message);
	SAY(sendmmsg(fd, &message, 0, 0));
	message.msg_hdr.msg_iovlen = 5000;
	SAY(sendmsg(fd, &message.msg_hdr, 0));
	message.msg_hdr.msg_iovlen = 1;
	message.msg_hdr.msg_name = NULL;
	SAY(sendmsg(fd, &message.msg_hdr, 0));
}

static void no_sockets(void)
{
	struct sockaddr_storage listed = address_of(AF_INET, LISTED, PORT);
	int pipes[2];
	const int fds[] = {-1, 0, 1000000, INT_MAX, INT_MIN, AT_FDCWD};

	printf("-- no sockets\n");
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		SAY(connect(fds[i], (struct sockaddr *)&listed, sizeof(struct sockaddr_in)));
		SAY(bind(fds[i], (struct sockaddr *)&listed, sizeof(struct sockaddr_in)));
		SAY(send_to(fds[i], "x", AF_INET, LISTED, PORT));
		SAY(set_int(fds[i], SOL_SOCKET, SO_KEEPALIVE, 1));
	}
	MUST(pipe(pipes) == 0);
	SAY(connect(pipes[0], (struct sockaddr *)&listed, sizeof(struct sockaddr_in)));
	SAY(bind(pipes[1], (struct sockaddr *)&listed, sizeof(struct sockaddr_in)));
}

int main(void)
{
	/* A descriptor that is no socket, whatever the test was started with. */
	MUST(dup2(open("/dev/null", O_RDWR), 0) == 0);
	of_all_lengths(AF_INET, UNLISTED);
	of_all_lengths(AF_INET, LISTED);
	of_all_lengths(AF_INET6, "::2");
	of_no_memory();
	messages();
	no_sockets();
	return 0;
}
