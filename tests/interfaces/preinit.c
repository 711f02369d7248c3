/* SPDX-License-Identifier: MIT */
/*
 * Opens /etc/hosts before any constructor has run, that of libc included, as what is linked into a
 * program may do (.preinit_array), and once more when all have.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char text[5];
static int early, error;

static void look(void)
{
	early = open("/etc/hosts", O_RDONLY);
	error = errno;
	if (early >= 0 && read(early, text, 4) < 0)
		early = -1;
}

__attribute__((section(".preinit_array"), used)) static void (*const entry)(void) = look;

int main(void)
{
	printf("early: %s\n", early < 0 ? strerror(error) : text);
	look();
	printf("later: %s\n", early < 0 ? strerror(error) : text);
	return 0;
}
