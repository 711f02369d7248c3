/* SPDX-License-Identifier: MIT */
/*
 * What the probes say: "look LIBRARY FILE [PATH]" or "look LIBRARY PID SOCKET BROKER", one word for
 * each obstacle.
 */
#include "common/program.h"
#include "common/running.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int look_at_file(const char *library, const char *file, const char *search)
{
	char path[PROGRAM_PATH_MAX];
	struct program program, known;
	int r = program_follow(library, NULL, &known, path);

	if (r == 0)
		r = program_follow(file, search, &program, path);
	if (r < 0) {
		printf("%s\n", strerror(-r));
		return 1;
	}
	program_compare(&program, &known);
	printf("%s:", path);
	for (int i = 0; i < PROGRAM_OBSTACLES; i++) {
		if (program.obstacles & 1u << i)
			printf(" %s", program_text((enum program_obstacle)i)->name);
	}
	printf("\n");
	return 0;
}

static int look_at_process(const char *library, pid_t pid, const char *socket, pid_t broker)
{
	const char *slash = strrchr(library, '/');
	struct running running;
	int r = running_inspect(pid, slash ? slash + 1 : library, socket, broker, &running);

	if (r < 0) {
		printf("%s\n", strerror(-r));
		return 1;
	}
	printf("%d:", (int)pid);
	for (int i = 0; i < RUNNING_OBSTACLES; i++) {
		if (running.obstacles & 1u << i)
			printf(" %s", running_text((enum running_obstacle)i)->name);
	}
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && isdigit((unsigned char)argv[2][0]))
		return look_at_process(argv[1], atoi(argv[2]), argv[3], atoi(argv[4]));
	if (argc < 3)
		return 2;
	return look_at_file(argv[1], argv[2], argc > 3 ? argv[3] : NULL);
}
