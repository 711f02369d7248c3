/* SPDX-License-Identifier: MIT */
/*
 * BPF programs of a socket and of a group of sockets, classic and extended, which nobody can read
 * back: they do there what they would have done. "absent": by a descriptor that was closed, in a
 * process that may not open programs by their numbers; "bare": by a system call that no library
 * sees.
 */
#include "tests/preload/program.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <poll.h>
#include <stdint.h>
#include <sys/syscall.h>

#define LONG 300 /* instructions */

static int load(enum bpf_prog_type type, int result)
{
	static char log[4096];
	struct bpf_insn instructions[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = result},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attributes = {
		.prog_type = type,
		.insn_cnt = 2,
		.insns = (uintptr_t)instructions,
		.license = (uintptr_t) "GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

/* Instructions that do nothing, and then give the result. */
static struct sock_fprog classic(struct sock_filter *room, unsigned short length, unsigned result)
{
	for (int i = 0; i < length; i++)
		room[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
	room[length - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, result);
	return (struct sock_fprog){.len = length, .filter = room};
}

/* A sender in the namespace of the one that is bound. */
static void send_to(unsigned port, const char *text)
{
	struct sockaddr_storage to = address_of(AF_INET, "127.0.0.1", port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	bind_port(fd, 0);
	sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(struct sockaddr_in));
	close(fd);
}

/* A filter says how many bytes of a datagram are kept, those of its header included. */
static void hear(int fd, unsigned port)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	char buffer[32] = "";

	send_to(port, "0123456789");
	if (poll(&pollfd, 1, 5000) != 1)
		printf("nothing was heard\n");
	else
		printf("%zd bytes\n", recv(fd, buffer, sizeof(buffer), 0));
}

typedef int setter(int, int, int, const void *, socklen_t);

static int bare_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}

static void filter_classic(setter *set, unsigned port)
{
	struct sock_filter room[LONG];
	struct sock_fprog program = classic(room, LONG, 8 + 4);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	SAY(set(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
	SAY(bind_port(fd, port));
	SAY(in_target(fd));
	hear(fd, port);
	close(fd);
}

static void filter_extended(setter *set, unsigned port, int keep)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), program = load(BPF_PROG_TYPE_SOCKET_FILTER, 8 + 6);

	program_say("load", program < 0 ? -1 : 0);
	SAY(set(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)));
	if (!keep)
		close(program);
	/* What has its number now is another program. */
	if (!keep)
		program_say("load", load(BPF_PROG_TYPE_SOCKET_FILTER, 8 + 1) == program);
	SAY(bind_port(fd, port));
	SAY(in_target(fd));
	hear(fd, port);
	close(fd);
	close(program);
}

/* Which of two sockets gets a datagram. */
static void group(unsigned port, int extended)
{
	struct pollfd members[2] = {{.events = POLLIN}, {.events = POLLIN}};
	struct sock_filter room[LONG];
	struct sock_fprog program = classic(room, LONG, 1);
	int prog = extended ? load(BPF_PROG_TYPE_SOCKET_FILTER, 1) : -1;

	for (int i = 0; i < 2; i++) {
		members[i].fd = socket(AF_INET, SOCK_DGRAM, 0);
		SAY(set_int(members[i].fd, SOL_SOCKET, SO_REUSEPORT, 1));
		if (i == 0 && extended)
			SAY(setsockopt(members[i].fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog,
				sizeof(prog)));
		if (i == 0 && !extended)
			SAY(setsockopt(members[i].fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
				&program, sizeof(program)));
		SAY(bind_port(members[i].fd, port));
		SAY(in_target(members[i].fd));
	}
	for (int i = 0; i < 20; i++) {
		char byte;

		send_to(port, "x");
		poll(members, 2, 5000);
		printf("%d%d ", (int)recv(members[0].fd, &byte, 1, MSG_DONTWAIT),
			(int)recv(members[1].fd, &byte, 1, MSG_DONTWAIT));
	}
	printf("\n");
	close(members[0].fd);
	close(members[1].fd);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		filter_extended(strcmp(argv[1], "bare") == 0 ? bare_setsockopt : setsockopt, 3000,
			strcmp(argv[1], "absent") != 0);
		return 0;
	}
	printf("-- a long classic filter, by the library and by a bare system call\n");
	filter_classic(setsockopt, 3001);
	filter_classic(bare_setsockopt, 3002);
	printf("-- an extended filter, whose descriptor is open or closed\n");
	filter_extended(setsockopt, 3003, 1);
	filter_extended(setsockopt, 3004, 0);
	printf("-- programs of a group\n");
	group(3005, 0);
	group(3006, 1);
	return 0;
}
