/* SPDX-License-Identifier: MIT */
/*
 * The file is parsed by inih; here is what it must not change in silence.
 *
 * inih cuts long lines and takes an indented line for more of the value above it, both without a
 * word. Nothing a user writes may get lost like that, so the reader between the file and inih
 * refuses such lines. inih goes on after an error, the first one is kept.
 */
#include "daemon/inifile.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct inifile {
	FILE *stream;
	const char *path;
	inifile_handler handler;
	void *data;
	unsigned line;	     /* that was read last */
	unsigned error_line; /* that the message is about */
	char *error;
	size_t error_size;
};

bool inifile_fail(struct inifile *file, const char *format, ...)
{
	va_list args;
	int n;

	if (file->error[0])
		return false;
	file->error_line = file->line;
	n = snprintf(file->error, file->error_size, "%s:%u: ", file->path, file->line);
	if (n < 0 || (size_t)n >= file->error_size)
		return false;
	va_start(args, format);
	vsnprintf(file->error + n, file->error_size - (size_t)n, format, args);
	va_end(args);
	return false;
}

bool inifile_yes_no(struct inifile *file, const char *key, const char *value, bool *ret)
{
	bool yes = strcmp(value, "yes") == 0;

	if (!yes && strcmp(value, "no") != 0)
		return inifile_fail(file, "%s= takes yes or no, not \"%s\"", key, value);
	*ret = yes;
	return true;
}

bool inifile_count(struct inifile *file, const char *key, const char *value, unsigned min,
	unsigned max, unsigned *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || end == value || *end || !isdigit((unsigned char)value[0]) || n < min ||
		n > max)
		return inifile_fail(file, "%s= takes a whole number from %u to %u, not \"%s\"", key,
			min, max, value);
	*ret = (unsigned)n;
	return true;
}

bool inifile_seconds(
	struct inifile *file, const char *key, const char *value, bool infinity, unsigned *ret)
{
	static const struct {
		const char *name;
		unsigned seconds;
	} units[] = {{"", 1}, {"s", 1}, {"sec", 1}, {"min", 60}, {"m", 60}, {"h", 3600},
		{"d", 86400}};
	unsigned long n;
	char *end;

	if (infinity && strcmp(value, "infinity") == 0) {
		*ret = 0;
		return true;
	}
	errno = 0;
	n = strtoul(value, &end, 10);
	if (!errno && isdigit((unsigned char)value[0]) && n > 0) {
		while (*end == ' ')
			end++;
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
			if (strcmp(end, units[i].name) == 0 && n <= INT_MAX / units[i].seconds) {
				*ret = (unsigned)n * units[i].seconds;
				return true;
			}
		}
	}
	return inifile_fail(file,
		"%s= takes a time from a second to 68 years such as 90, 90s, 5min or 1h%s, not "
		"\"%s\"",
		key, infinity ? ", or \"infinity\"" : "", value);
}

/* What is wrong with a line that inih would change in silence, or NULL. */
static const char *line_check(const struct inifile *file, const char *line)
{
	const char *text = line;
	size_t blank;

	if (file->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	blank = strspn(text, " \t\r\n");
	if (blank > 0 && text[blank] && text[blank] != '#' && text[blank] != ';')
		return "the line is indented: a setting begins in the first column";
	if (text[0] == '[' && strchr(text, ']')) {
		text = strchr(text, ']') + 1;
		text += strspn(text, " \t\r\n");
		if (*text && *text != '#' && *text != ';')
			return "there is something behind [Section]: settings have their own lines";
	}
	return NULL;
}

/* fgets(3) for inih, which ends at the first line that is wrong. */
static char *read_line(char *buffer, int size, void *stream)
{
	struct inifile *file = stream;
	const char *reason = NULL;
	int length = 0, c = 0;

	if (file->error[0])
		return NULL;
	while (length < size - 1 && c != '\n' && (c = getc(file->stream)) != EOF)
		buffer[length++] = (char)c;
	buffer[length] = '\0';
	if (length == 0)
		return NULL;
	file->line++;
	if (memchr(buffer, '\0', (size_t)length))
		reason = "the line has a NUL byte";
	else if (c != '\n' && c != EOF)
		reason = "the line is too long";
	else
		reason = line_check(file, buffer);
	if (!reason)
		return buffer;
	inifile_fail(file, "%s", reason);
	return NULL;
}

static int handle(void *user, const char *section, const char *key, const char *value)
{
	struct inifile *file = user;

	if (!key) /* a section without keys, if inih was built to tell */
		return true;
	if (!value)
		return inifile_fail(file, "%s needs a value: %s=...", key, key);
	return file->handler(file, section, key, value, file->data);
}

int inifile_load(
	const char *path, inifile_handler handler, void *data, char *error, size_t error_size)
{
	struct inifile file = {.path = path,
		.handler = handler,
		.data = data,
		.error = error,
		.error_size = error_size};
	int r, line;

	error[0] = '\0';
	file.stream = fopen(path, "re");
	if (!file.stream) {
		r = -errno;
		snprintf(error, error_size, "%s: %s", path, strerror(-r));
		return r;
	}
	line = ini_parse_stream(read_line, &file, handle, &file);
	/* inih knows the first line with a mistake, ours or its own. */
	if (line != 0 && (!error[0] || (line > 0 && (unsigned)line < file.error_line))) {
		error[0] = '\0';
		file.line = line > 0 ? (unsigned)line : file.line;
		inifile_fail(&file, "this is neither [Section] nor Key=value");
	}
	r = ferror(file.stream) ? -EIO : 0;
	if (r < 0 && !error[0])
		snprintf(error, error_size, "%s: cannot be read", path);
	fclose(file.stream);
	if (error[0])
		return r < 0 ? r : -EINVAL;
	return 0;
}
