/* SPDX-License-Identifier: MIT */
/*
 * "guard WORD...": connects to the Unix socket at each path, and tells what came of it. "push" and
 * "pop" are those of contexts, "module=FILE" lets a function in that library connect from there on.
 */
#include "tests/redirect/program.h"

#include "lib/xsocket.h"

#include <dlfcn.h>
#include <sys/un.h>

typedef int connect_function(int fd, const struct sockaddr *address, socklen_t length);

static connect_function *connect_by = connect;

static void use_module(const char *file)
{
	void *handle = dlopen(file, RTLD_NOW);

	MUST(handle);
	connect_by = (connect_function *)dlsym(handle, "module_connect");
	MUST(connect_by);
}

static void try(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	strncpy(un.sun_path, path, sizeof(un.sun_path) - 1);
	r = connect_by(fd, (struct sockaddr *)&un, sizeof(un));
	printf("%s: %s\n", path, r < 0 ? strerrorname_np(errno) : "connected");
	close(fd);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "push") == 0)
			MUST(xsocket_push(getenv("SERVER")) == 0);
		else if (strcmp(argv[i], "pop") == 0)
			MUST(xsocket_pop() == 0);
		else if (strncmp(argv[i], "module=", 7) == 0)
			use_module(argv[i] + 7);
		else
			try(argv[i]);
	}
	return 0;
}
