/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_NEXT_H
#define XSOCKET_XREDIRECT_NEXT_H

/* As preload/next.h, for the functions that only libxredirect stands in front of. */

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <threads.h>

/* What libcs have for the last parameter of sendmmsg(2). */
#ifdef __GLIBC__
typedef int sendmmsg_flags;
#else
typedef unsigned sendmmsg_flags;
#endif

int next_socket(int domain, int type, int protocol);
int next_connect(int fd, const struct sockaddr *address, socklen_t length);
ssize_t next_sendto(int fd, const void *data, size_t size, int flags,
	const struct sockaddr *address, socklen_t length);
ssize_t next_sendmsg(int fd, const struct msghdr *message, int flags);
int next_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, sendmmsg_flags flags);

int next_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
	void *argument);
int next_thrd_create(thrd_t *thread, thrd_start_t start, void *argument);

int next_getifaddrs(struct ifaddrs **ret);
void next_freeifaddrs(struct ifaddrs *list);
struct if_nameindex *next_if_nameindex(void);
void next_if_freenameindex(struct if_nameindex *names);
unsigned next_if_nametoindex(const char *name);
char *next_if_indextoname(unsigned index, char *name);

#ifdef __GLIBC__
int next_rcmd(char **host, unsigned short port, const char *local_user, const char *remote_user,
	const char *command, int *ret_stderr);
int next_rcmd_af(char **host, unsigned short port, const char *local_user, const char *remote_user,
	const char *command, int *ret_stderr, sa_family_t family);
int next_rexec(char **host, int port, const char *user, const char *password, const char *command,
	int *ret_stderr);
int next_rexec_af(char **host, int port, const char *user, const char *password,
	const char *command, int *ret_stderr, sa_family_t family);
int next_rresvport(int *port);
int next_rresvport_af(int *port, sa_family_t family);
int next_ruserok(const char *host, int superuser, const char *remote_user, const char *local_user);
int next_iruserok(uint32_t address, int superuser, const char *remote_user, const char *local_user);
int next_iruserok_af(const void *address, int superuser, const char *remote_user,
	const char *local_user, sa_family_t family);
int next_ruserok_af(const char *host, int superuser, const char *remote_user,
	const char *local_user, sa_family_t family);
#endif

FILE *next_fopen(const char *path, const char *mode);
FILE *next_fopen64(const char *path, const char *mode);

#endif
