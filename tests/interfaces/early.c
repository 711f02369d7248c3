/* SPDX-License-Identifier: MIT */
/*
 * Another preload library, an allocator that opens a file when it is first asked for memory, as
 * some do, and one whose constructor opens one. Neither may get this machine's file, which begins
 * with "here"; to an allocator nothing may come that needs memory.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *malloc(size_t size);

static bool asked, at_work;

static void say(const char *text)
{
	if (write(2, text, strlen(text)) < 0)
		_exit(1);
}

static void look(const char *who)
{
	char text[5] = "";
	int fd = open("/etc/hosts", O_RDONLY);

	say(who);
	if (fd < 0)
		say(": none\n");
	else if (read(fd, text, 4) == 4 && strcmp(text, "here") == 0)
		say(": this machine's\n");
	else
		say(": another one\n");
	if (fd >= 0)
		close(fd);
}

void *malloc(size_t size)
{
	if (at_work) {
		say("memory is wanted while the allocator is at work\n");
		_exit(1);
	}
	if (!asked) {
		asked = at_work = true;
		look("allocator");
		at_work = false;
	}
	return __libc_malloc(size);
}

__attribute__((constructor(101))) static void early(void)
{
	look("constructor");
}
