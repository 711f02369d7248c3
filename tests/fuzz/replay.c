/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over all files of directories: what once was found stays found. Each input is
 * in memory of exactly its size, so that a sanitizer sees a byte read too many.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>

static void replay_file(const char *directory, const char *name)
{
	char path[4096];
	uint8_t *data;
	FILE *file;
	long size;

	HOLDS(snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path));
	file = fopen(path, "re");
	HOLDS(file && fseek(file, 0, SEEK_END) == 0);
	size = ftell(file);
	HOLDS(size >= 0);
	rewind(file);
	data = malloc(size ? (size_t)size : 1);
	HOLDS(data && fread(data, 1, (size_t)size, file) == (size_t)size);
	fclose(file);
	printf("%s\n", path);
	fflush(stdout); /* so that the last line names the one that failed */
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++) {
		DIR *directory = opendir(argv[i]);
		struct dirent *entry;

		HOLDS(directory != NULL);
		while ((entry = readdir(directory))) {
			if (entry->d_name[0] == '.')
				continue;
			replay_file(argv[i], entry->d_name);
			count++;
		}
		closedir(directory);
	}
	printf("%u inputs\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
