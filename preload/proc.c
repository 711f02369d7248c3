/* SPDX-License-Identifier: MIT */
#include "preload/proc.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Digits of an int, and a terminator. */
#define DIGITS 12

/* A number, or -1 for "." and "..". */
static int number_from_name(const char *name)
{
	int number = 0;

	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		number = number * 10 + (*name - '0');
	}
	return number;
}

/* Returns the terminated digits of a number, at the end of buffer. */
static const char *number_name(char buffer[DIGITS], int number)
{
	char *digit = buffer + DIGITS - 1;

	*digit = '\0';
	do {
		*--digit = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return digit;
}

/* What the kernel is short of is said; anything else means that there is no /proc for us. */
static int proc_error(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ? -error : -ENOSYS;
}

int proc_walk(const char *directory, proc_visit *visit, void *context)
{
	_cleanup_fd_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buffer[1024] __attribute__((aligned(8)));
	long size;

	if (fd < 0)
		return proc_error(errno);
	while ((size = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long position = 0; position < size;) {
			const struct dirent64 *entry = (const void *)(buffer + position);
			int number = number_from_name(entry->d_name), r = 0;

			if (number >= 0 && number != fd)
				r = visit(context, fd, number);
			if (r < 0)
				return r;
			position += entry->d_reclen;
		}
	}
	return size < 0 ? -ENOSYS : 0;
}

int proc_open(const char *directory, int number, const char *leaf)
{
	char path[64], digits[DIGITS];
	int file;

	/* The longest: /proc/thread-self/fdinfo/2147483647 */
	strcpy(path, directory);
	strcat(path, number_name(digits, number));
	strcat(path, leaf);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return errno == ENOENT ? -ENOENT : proc_error(errno);
	return file;
}

int proc_link(int directory, int number, char *link, size_t size)
{
	char digits[DIGITS];
	ssize_t length = readlinkat(directory, number_name(digits, number), link, size);

	if (length < 0)
		return errno == ENOENT || errno == ENAMETOOLONG ? 0 : -ENOSYS;
	return (int)length;
}

void proc_lines_init(struct proc_lines *lines, int file)
{
	lines->file = file;
	lines->position = lines->size = 0;
}

int proc_lines_next(struct proc_lines *lines, char line[PROC_LINE])
{
	size_t length = 0;

	for (;;) {
		char byte;

		if (lines->position == lines->size) {
			ssize_t size = read(lines->file, lines->buffer, sizeof(lines->buffer));

			if (size < 0)
				return errno == ENOENT ? -ENOENT : -ENOSYS;
			if (size == 0)
				return 0;
			lines->position = 0;
			lines->size = (size_t)size;
		}
		byte = lines->buffer[lines->position++];
		if (byte == '\n')
			break;
		if (length < PROC_LINE - 1)
			line[length++] = byte;
	}
	line[length] = '\0';
	return 1;
}

bool proc_number(const char **text, unsigned base, uint64_t *ret)
{
	const char *digit = *text;
	uint64_t value = 0;
	bool found = false;

	while (*digit == ' ')
		digit++;
	for (;; digit++) {
		unsigned next;

		if (*digit >= '0' && *digit <= '9')
			next = (unsigned)(*digit - '0');
		else if (*digit >= 'a' && *digit <= 'f')
			next = (unsigned)(*digit - 'a') + 10;
		else
			break;
		if (next >= base)
			break;
		value = value * base + next;
		found = true;
	}
	*text = digit;
	*ret = value;
	return found;
}

bool proc_field(const char *line, const char *label, unsigned base, uint64_t *ret)
{
	const char *text = strstr(line, label);

	if (!text)
		return false;
	text += strlen(label);
	return proc_number(&text, base, ret);
}
