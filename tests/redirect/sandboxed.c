/* SPDX-License-Identifier: MIT */
/*
 * "sandboxed CALL ERRNO": a system call fails from now on, as in a sandbox, and then sockets are
 * made. "unix" is socket(2) for AF_UNIX alone.
 */
#include "tests/preload/seccomp.h"
#include "tests/redirect/program.h"

static const struct {
	const char *name;
	int number;
} calls[] = {
	{"none", -1},
	{"unix", SYS_socket},
	{"connect", SYS_connect},
	{"send", SYS_sendto},
	{"sendmsg", SYS_sendmsg},
	{"receive", SYS_recvmmsg},
	{"getsockopt", SYS_getsockopt},
	{"setsockopt", SYS_setsockopt},
	{"getcpu", SYS_getcpu},
	{"sigprocmask", SYS_rt_sigprocmask},
	{"fcntl", SYS_fcntl},
	{"prlimit", SYS_prlimit64},
};

static void make(const char *what, int domain)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

	printf("%s: %s\n", what, fd < 0 ? strerrorname_np(errno) : "made");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	uint32_t value = strcmp(argv[1], "unix") == 0 ? AF_UNIX : SECCOMP_ALWAYS;

	for (size_t i = 0; argc > 2 && i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, argv[1]) != 0)
			continue;
		if (calls[i].number >= 0)
			seccomp_refuse(calls[i].number, 0, value, atoi(argv[2]));
		make("tcp", AF_INET);
		make("tcp", AF_INET);
		make("tcp6", AF_INET6);
		return 0;
	}
	return 2;
}
