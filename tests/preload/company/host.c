/* SPDX-License-Identifier: MIT */
/*
 * The ways to bind(2) besides a plain call: by a plugin that is opened late, by pointers, by what
 * dlsym(3) finds. "host HOW FILE": FILE is the plugin, or the library under test.
 */
#include "tests/preload/program.h"

#include <dlfcn.h>

typedef int bind_function(int, const struct sockaddr *, socklen_t);
typedef int plugin_function(int, unsigned);

static int own_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int call(bind_function *function, int fd, unsigned port)
{
	struct sockaddr_storage address = address_of(AF_INET, "127.0.0.1", port);

	return function(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in));
}

static void *library(const char *file, int flags)
{
	void *handle = dlopen(file, flags);

	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return handle;
}

static void plugin(const char *file, int flags)
{
	void *handle = library(file, flags);
	plugin_function *function = (plugin_function *)dlsym(handle, "plugin_bind");
	int fd = own_socket();

	SAY(function(fd, 3060));
	SAY(listen(fd, 5));
	SAY(get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
	SAY(in_target(fd));
	SAY(dlclose(handle));
}

/* By a library that finds the plugin by its own RUNPATH. */
static void named(const char *file, int flags)
{
	typedef void *open_function(const char *, int);
	open_function *open_by_name = (open_function *)dlsym(library(file, RTLD_NOW), "named_open");
	void *handle = open_by_name("libplugin.so", flags);
	plugin_function *function;
	int fd = own_socket();

	SAY(handle != NULL);
	if (!handle)
		return;
	function = (plugin_function *)dlsym(handle, "plugin_bind");
	SAY(function(fd, 3060));
	SAY(in_target(fd));
}

static void pointers(void)
{
	/* volatile: the compiler may not see through them */
	bind_function *volatile pointer = bind, *volatile copy = pointer;
	bind_function *first = (bind_function *)dlsym(RTLD_DEFAULT, "bind");
	bind_function *next = (bind_function *)dlsym(RTLD_NEXT, "bind");
	void *program = dlopen(NULL, RTLD_NOW);
	bind_function *opened = (bind_function *)dlsym(program, "bind");
	int fd[4];

	for (unsigned i = 0; i < 4; i++)
		fd[i] = own_socket();
	SAY(call(copy, fd[0], 3061));
	SAY(call(first, fd[1], 3062));
	SAY(call(next, fd[2], 3063));
	SAY(call(opened, fd[3], 3064));
	for (unsigned i = 0; i < 4; i++)
		SAY(in_target(fd[i]));
}

/* What dlsym(3) finds in libc itself is libc's. */
static void libc(const char *file)
{
	bind_function *function = (bind_function *)dlsym(library(file, RTLD_NOW), "bind");
	int fd = own_socket();

	SAY(call(function, fd, 3065));
	SAY(in_target(fd));
}

/* The library itself, opened by a program that is running: it is behind libc then. */
static void itself(const char *file)
{
	void *handle = library(file, RTLD_NOW | RTLD_GLOBAL);
	bind_function *function = (bind_function *)dlsym(handle, "bind");
	int fd = own_socket(), by_handle = own_socket();

	SAY(bind_port(fd, 3066));
	SAY(in_target(fd));
	SAY(call(function, by_handle, 3067));
	SAY(in_target(by_handle));
	SAY(dlclose(handle));
	fd = own_socket();
	/* It was asked to stay (nodelete), so this is still a function. */
	SAY(call(function, fd, 3068));
	SAY(in_target(fd));
	fd = own_socket();
	SAY(bind_port(fd, 3069));
	SAY(in_target(fd));
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "", *file = argc > 2 ? argv[2] : "";

	if (strcmp(how, "late") == 0)
		plugin(file, RTLD_NOW | RTLD_LOCAL);
	else if (strcmp(how, "lazy") == 0)
		plugin(file, RTLD_LAZY | RTLD_GLOBAL);
#ifdef RTLD_DEEPBIND
	else if (strcmp(how, "deep") == 0)
		plugin(file, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	else if (strcmp(how, "deep_lazy") == 0)
		plugin(file, RTLD_LAZY | RTLD_GLOBAL | RTLD_DEEPBIND);
	else if (strcmp(how, "deep_named") == 0)
		named(file, RTLD_NOW | RTLD_DEEPBIND);
#endif
	else if (strcmp(how, "named") == 0)
		named(file, RTLD_NOW);
	else if (strcmp(how, "pointers") == 0)
		pointers();
	else if (strcmp(how, "libc") == 0)
		libc(file);
	else if (strcmp(how, "itself") == 0)
		itself(file);
	else
		return 2;
	return 0;
}
