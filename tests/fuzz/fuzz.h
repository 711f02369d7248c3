/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_FUZZ_H
#define XSOCKET_TESTS_FUZZ_H

/*
 * A fuzz target is a function that must hold for every input. libFuzzer calls it with inputs of
 * its own making (fuzz-NAME, built by clang), replay.c with those of a corpus, as a test.
 */

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold. Not assert(3), which NDEBUG removes. */
#define HOLDS(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__,           \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* What an input is read from, front to back. */
struct input {
	const uint8_t *data;
	size_t size;
};

/* The next byte, or 0 at the end. */
static inline uint8_t input_byte(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

/* Up to max of the next bytes; returns where they are and how many in *size. */
static inline const uint8_t *input_bytes(struct input *input, size_t max, size_t *size)
{
	const uint8_t *bytes = input->data;

	*size = input->size < max ? input->size : max;
	input->data += *size;
	input->size -= *size;
	return bytes;
}

/* Descriptors among the first so many numbers, more than any input here can open. */
static inline unsigned fds_open(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 600; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

#endif
