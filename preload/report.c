/* SPDX-License-Identifier: MIT */
/*
 * Standard error belongs to the program. Daemons close it, and the next file they open, perhaps
 * their database, becomes number 2. So it is remembered at load time which file that was, and
 * a line is written only while it still is.
 *
 * Who reads standard error may have stopped reading (poll(2) first) or be gone (SIGPIPE is kept
 * from the program: blocked for this thread, and taken back if our write raised it).
 */
#include "preload/report.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES	512
#define ERROR_LINES_MAX 20

static atomic_int level_now = REPORT_ERROR;
static _Atomic(const char *) library_name = "xsocket";
static _Atomic(const char *) level_variable = "";
static atomic_uint error_lines;

/* Which file standard error was. Written once, before there are other threads. */
static struct {
	atomic_bool known;
	dev_t device;
	ino_t inode;
	mode_t type;
} standard_error;

__attribute__((constructor(101))) static void report_init(void)
{
	int saved_errno = errno;
	struct stat st;

	if (fstat(STDERR_FILENO, &st) == 0) {
		standard_error.device = st.st_dev;
		standard_error.inode = st.st_ino;
		standard_error.type = st.st_mode & S_IFMT;
		atomic_store(&standard_error.known, true);
	}
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

static char *number_text(char buffer[24], long long number)
{
	unsigned long long rest =
		number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
	char *digit = buffer + 23;

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
	char number[24], single[2] = "";

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
			line_add(line, number_text(number, va_arg(arguments, int)));
			break;
		case 'u':
			line_add(line, number_text(number, va_arg(arguments, unsigned)));
			break;
		default:
			single[0] = *format;
			line_add(line, single);
		}
	}
}

static bool standard_error_is_ours(mode_t *ret_type)
{
	struct stat st;

	if (!atomic_load(&standard_error.known) || fstat(STDERR_FILENO, &st) < 0)
		return false;
	*ret_type = st.st_mode & S_IFMT;
	return st.st_dev == standard_error.device && st.st_ino == standard_error.inode &&
	       *ret_type == standard_error.type;
}

/* Writes to a pipe or a terminal, whose reader may be gone, without the signal that tells so. */
static void write_quietly(const char *bytes, size_t length)
{
	sigset_t pipe_signal, before, pending;
	bool was_pending;

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	if (pthread_sigmask(SIG_BLOCK, &pipe_signal, &before) != 0)
		return;
	was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
	if (write(STDERR_FILENO, bytes, length) < 0 && errno == EPIPE && !was_pending) {
		static const struct timespec at_once;

		while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR)
			;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void line_write(struct line *line)
{
	struct pollfd pollfd = {.fd = STDERR_FILENO, .events = POLLOUT};
	mode_t type;

	line->bytes[line->length++] = '\n';
	if (!standard_error_is_ours(&type))
		return;
	if (S_ISSOCK(type)) {
		if (send(STDERR_FILENO, line->bytes, line->length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return;
		return;
	}
	if (!S_ISREG(type) && (poll(&pollfd, 1, 0) != 1 || pollfd.revents != POLLOUT))
		return;
	write_quietly(line->bytes, line->length);
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
	char number[24];
#ifdef HAVE_STRERRORDESC_NP
	const char *text = strerrordesc_np(error);

	if (text)
		return text;
#endif
	memcpy(buffer, "errno ", 6);
	strncpy(buffer + 6, number_text(number, error), 9);
	buffer[15] = '\0';
	return buffer;
}
