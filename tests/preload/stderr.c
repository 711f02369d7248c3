/* SPDX-License-Identifier: MIT */
/*
 * A program that closes standard error and opens its data there, as ARGV[1] says: "file", "pipe"
 * (whose reader is gone), or "kept". bind(2) fails, and the library has something to say.
 */
#include "tests/preload/program.h"

#include <signal.h>

int main(int argc, char **argv)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), pipes[2];
	char path[] = "/tmp/stderr.XXXXXX", buffer[64];

	if (strcmp(argv[1], "file") == 0) {
		close(2);
		SAY(mkstemp(path));
		unlink(path);
	}
	if (strcmp(argv[1], "pipe") == 0) {
		if (pipe(pipes) < 0)
			return 1;
		dup2(pipes[1], 2);
		close(pipes[0]);
		close(pipes[1]);
	}
	for (int i = 0; i < 30; i++)
		printf("%d\n", bind_port(fd, 3090) < 0 && errno == EADDRNOTAVAIL);
	if (strcmp(argv[1], "file") == 0)
		SAY(pread(2, buffer, sizeof(buffer), 0));
	return 0;
}
