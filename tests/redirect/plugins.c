/* SPDX-License-Identifier: MIT */
/*
 * "plugins HOW FILE": what a plug-in that is opened in that way does goes where the program's own
 * sockets go. SERVER is a broker, for a context.
 */
#include "tests/redirect/program.h"

#include "lib/xsocket.h"

#include <dlfcn.h>

static int flags_of(const char *how)
{
#ifdef RTLD_DEEPBIND
	if (strcmp(how, "deep") == 0)
		return RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
	if (strcmp(how, "deep-lazy") == 0)
		return RTLD_LAZY | RTLD_DEEPBIND;
#endif
	return strcmp(how, "lazy") == 0 ? RTLD_LAZY | RTLD_GLOBAL : RTLD_NOW | RTLD_LOCAL;
}

int main(int argc, char **argv)
{
	void *handle = argc > 2 ? dlopen(argv[2], flags_of(argv[1])) : NULL;
	int (*make)(void), (*thread)(void), (*go)(int, const char *, unsigned);
	int fd, listener = raw_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage at = address_of(AF_INET, "127.1.2.3", 3700);

	MUST(handle);
	make = (int (*)(void))dlsym(handle, "plugin_socket");
	thread = (int (*)(void))dlsym(handle, "plugin_thread");
	go = (int (*)(int, const char *, unsigned))dlsym(handle, "plugin_connect");
	set_int(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	MUST(syscall(SYS_bind, listener, &at, length_of(&at)) == 0 && listen(listener, 5) == 0);
	fd = make();
	WHERE(fd);
	SAY(go(fd, "127.1.2.3", 3700));
	WHERE(fd);
	MUST(xsocket_push(getenv("SERVER")) == 0);
	fd = make();
	WHERE(fd);
	fd = thread();
	WHERE(fd);
	xsocket_pop();
	return 0;
}
