/* SPDX-License-Identifier: MIT */
/*
 * Standard error belongs to the program. Daemons close it, and the next file they open, perhaps
 * their database, becomes number 2. So it is remembered at load time which file that was, and
 * a line is written only while it still is.
 *
 * Who reads standard error may have stopped reading (poll(2) first) or be gone (SIGPIPE is kept
 * from the program: blocked for this thread, and taken back if our write raised it). A terminal is
 * writable as soon as there is room for a byte, so it is opened once more, to write without
 * waiting, or is written to byte by byte; and with "stty tostop" who is in the background writes
 * nothing. Looking at the file never asks its file system, whose server may be gone; writing to a
 * regular one does, as the program's own writing would.
 */
#include "preload/report.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* musl before 1.2.5 does not have it. */
#ifndef STATX_TYPE
#include <linux/stat.h>
#include <sys/syscall.h>
#define statx(...) syscall(SYS_statx, __VA_ARGS__)
#endif

#define STDERR_LINK	"/proc/thread-self/fd/2"
#define LINE_MAX_BYTES	512
#define ERROR_LINES_MAX 20

static atomic_int level_now = REPORT_ERROR;
static _Atomic(const char *) library_name = "xsocket";
static _Atomic(const char *) level_variable = "";
static atomic_uint error_lines;

/* Which file it is. */
struct identity {
	uint64_t device, inode;
	mode_t type;
};

/* What standard error was. Written once, before there are other threads. */
static struct identity standard_error;
static atomic_bool standard_error_known;

static bool identify(int fd, struct identity *ret)
{
	struct statx st;
	struct stat old;

	/* Of these a file system has told when the file was opened. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &st) == 0) {
		*ret = (struct identity){
			.device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor,
			.inode = st.stx_ino,
			.type = st.stx_mode & S_IFMT,
		};
		return true;
	}
	/* An old sandbox does not know statx(2). */
	if ((errno != EPERM && errno != ENOSYS) || fstat(fd, &old) < 0)
		return false;
	*ret = (struct identity){
		.device = old.st_dev,
		.inode = old.st_ino,
		.type = old.st_mode & S_IFMT,
	};
	return true;
}

/* Whether a descriptor is what standard error was. */
static bool is_standard_error(int fd)
{
	struct identity now;

	return atomic_load(&standard_error_known) && identify(fd, &now) &&
	       now.device == standard_error.device && now.inode == standard_error.inode &&
	       now.type == standard_error.type;
}

__attribute__((constructor(101))) static void report_init(void)
{
	int saved_errno = errno;

	if (identify(STDERR_FILENO, &standard_error))
		atomic_store(&standard_error_known, true);
	errno = saved_errno;
}

struct line {
	char bytes[LINE_MAX_BYTES];
	size_t length;
};

static void line_add(struct line *line, const char *text)
{
	/* The last byte is kept for the line end. */
	for (; *text && line->length < sizeof(line->bytes) - 1; text++)
		line->bytes[line->length++] = *text == '\n' ? ' ' : *text;
}

const char *report_number(char buffer[REPORT_NUMBER], long long number)
{
	unsigned long long rest =
		number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
	char *digit = buffer + REPORT_NUMBER - 1;

	*digit = '\0';
	do {
		*--digit = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (number < 0)
		*--digit = '-';
	return digit;
}

static void line_format(struct line *line, const char *format, va_list arguments)
{
	char number[REPORT_NUMBER], single[2] = "";

	for (; *format; format++) {
		if (*format != '%' || format[1] == '\0') {
			single[0] = *format;
			line_add(line, single);
			continue;
		}
		switch (*++format) {
		case 's':
			line_add(line, va_arg(arguments, const char *));
			break;
		case 'd':
			line_add(line, report_number(number, va_arg(arguments, int)));
			break;
		case 'u':
			line_add(line, report_number(number, va_arg(arguments, unsigned)));
			break;
		default:
			single[0] = *format;
			line_add(line, single);
		}
	}
}

/* Whether it is a terminal on which this process has been asked to be quiet for now. */
static bool is_unwanted(int terminal)
{
	struct termios mode;
	pid_t foreground = tcgetpgrp(terminal);

	return foreground >= 0 && foreground != getpgrp() && tcgetattr(terminal, &mode) == 0 &&
	       (mode.c_lflag & TOSTOP);
}

/*
 * Writes to a pipe or a terminal, whose reader may be gone, without the signals that tell so, or
 * that would stop who is in the background.
 */
static void write_quietly(int fd, const char *bytes, size_t length)
{
	sigset_t block, pipe_signal, before, pending;
	bool was_pending;

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	block = pipe_signal;
	sigaddset(&block, SIGTTOU);
	if (pthread_sigmask(SIG_BLOCK, &block, &before) != 0)
		return;
	was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
	if (write(fd, bytes, length) < 0 && errno == EPIPE && !was_pending) {
		static const struct timespec at_once;

		while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR)
			;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool is_writable(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

	return poll(&pollfd, 1, 0) == 1 && pollfd.revents == POLLOUT;
}

/* What does not fit is cut off. */
static void write_terminal(const char *bytes, size_t length)
{
	_cleanup_fd_ int fd = -1;

	if (is_unwanted(STDERR_FILENO))
		return;
	fd = open(STDERR_LINK, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && is_standard_error(fd)) {
		write_quietly(fd, bytes, length);
		return;
	}
	/* It may be another user's by now. */
	for (size_t i = 0; i < length && is_writable(STDERR_FILENO); i++)
		write_quietly(STDERR_FILENO, bytes + i, 1);
}

static void line_write(struct line *line)
{
	line->bytes[line->length++] = '\n';
	if (!is_standard_error(STDERR_FILENO))
		return;
	if (S_ISSOCK(standard_error.type)) {
		if (send(STDERR_FILENO, line->bytes, line->length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return;
		return;
	}
	if (!S_ISREG(standard_error.type) && !is_writable(STDERR_FILENO))
		return;
	if (S_ISCHR(standard_error.type) && isatty(STDERR_FILENO))
		write_terminal(line->bytes, line->length);
	else
		write_quietly(STDERR_FILENO, line->bytes, line->length);
}

void report_configure(const char *library, const char *variable, enum report_level level)
{
	atomic_store(&library_name, library);
	atomic_store(&level_variable, variable);
	atomic_store(&level_now, (int)level);
}

int report_enabled(enum report_level level)
{
	return (int)level <= atomic_load(&level_now);
}

/* Counts a line of REPORT_ERROR. Returns false when there were enough. */
__attribute__((noinline)) static bool error_line_allowed(void)
{
	unsigned lines = atomic_fetch_add(&error_lines, 1);

	if (lines < ERROR_LINES_MAX)
		return true;
	if (lines == ERROR_LINES_MAX) {
		struct line line = {.length = 0};

		line_add(&line, atomic_load(&library_name));
		line_add(&line, ": further errors are not printed; all are with ");
		line_add(&line, atomic_load(&level_variable));
		line_add(&line, "=debug");
		line_write(&line);
	} else {
		/* Never around to 0 again. */
		atomic_store(&error_lines, ERROR_LINES_MAX + 1);
	}
	return false;
}

void report(enum report_level level, const char *format, ...)
{
	int saved_errno = errno;
	struct line line = {.length = 0};
	va_list arguments;

	if (!report_enabled(level))
		return;
	if (level != REPORT_ERROR || report_enabled(REPORT_DEBUG) || error_line_allowed()) {
		line_add(&line, atomic_load(&library_name));
		line_add(&line, ": ");
		va_start(arguments, format);
		line_format(&line, format, arguments);
		va_end(arguments);
		line_write(&line);
	}
	errno = saved_errno;
}

const char *report_strerror(int error, char buffer[16])
{
	char number[REPORT_NUMBER];
#ifdef HAVE_STRERRORDESC_NP
	const char *text = strerrordesc_np(error);

	if (text)
		return text;
#endif
	memcpy(buffer, "errno ", 6);
	strncpy(buffer + 6, report_number(number, error), 9);
	buffer[15] = '\0';
	return buffer;
}
