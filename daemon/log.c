/* SPDX-License-Identifier: MIT */
#include "daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_SD_JOURNAL
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

/* Lines of one kind in one period. */
#define LIMIT_LINES  100
#define LIMIT_PERIOD 10

static bool to_journal;

void log_open(void)
{
#ifdef HAVE_SD_JOURNAL
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		fstat(STDERR_FILENO, &st) == 0)
		to_journal = st.st_dev == device && st.st_ino == inode;
#endif
}

bool log_to_journal(void)
{
	return to_journal;
}

static void write_line(int priority, const char *text)
{
#ifdef HAVE_SD_JOURNAL
	if (to_journal) {
		sd_journal_send("MESSAGE=%s", text, "PRIORITY=%d", priority, NULL);
		return;
	}
#endif
	(void)priority;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

void log_message(int priority, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	write_line(priority, text);
}

bool log_limit_pass(struct log_limit *limit, unsigned *ret_left_out)
{
	struct timespec now;
	bool pass;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	pthread_mutex_lock(&limit->lock);
	if (now.tv_sec - limit->since >= LIMIT_PERIOD) {
		limit->since = now.tv_sec;
		limit->lines = 0;
	}
	pass = limit->lines < LIMIT_LINES;
	if (pass) {
		limit->lines++;
		*ret_left_out = limit->left_out;
		limit->left_out = 0;
	} else {
		limit->left_out++;
	}
	pthread_mutex_unlock(&limit->lock);
	return pass;
}

void log_limited(struct log_limit *limit, const char *kind, int priority, const char *format, ...)
{
	unsigned left_out;
	char text[1024];
	va_list args;

	if (!log_limit_pass(limit, &left_out))
		return;
	if (left_out > 0)
		log_message(priority, "%u messages of kind \"%s\" left out", left_out, kind);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	write_line(priority, text);
}
