/* SPDX-License-Identifier: MIT */
/*
 * The file is parsed by inih; here is what its lines mean.
 *
 * inih cuts long lines and takes an indented line for more of the value above it, both without a
 * word. Nothing a user writes may get lost like that, so the reader between the file and inih
 * refuses such lines. inih goes on after an error, the first one is kept.
 */
#include "server/config.h"

#include "common/wire.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parse {
	FILE *file;
	const char *path;
	struct config config;
	unsigned line;	     /* that was read last */
	unsigned error_line; /* that the message is about */
	char *error;
	size_t error_size;
};

struct config config_default(void)
{
	return (struct config){
		.max_connections = 4096,
		.max_connections_per_user = 1024,
		.idle_timeout_s = 600,
		.request_timeout_s = 5,
		.max_batch = WIRE_BATCH_MAX,
		.policy.kinds = POLICY_KINDS_DEFAULT,
	};
}

__attribute__((format(printf, 2, 3))) static bool fail(struct parse *parse, const char *format, ...)
{
	va_list args;
	int n;

	if (parse->error[0])
		return false;
	parse->error_line = parse->line;
	n = snprintf(parse->error, parse->error_size, "%s:%u: ", parse->path, parse->line);
	if (n < 0 || (size_t)n >= parse->error_size)
		return false;
	va_start(args, format);
	vsnprintf(parse->error + n, parse->error_size - (size_t)n, format, args);
	va_end(args);
	return false;
}

static bool parse_count(struct parse *parse, const char *key, const char *value, unsigned min,
	unsigned max, unsigned *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || end == value || *end || !isdigit((unsigned char)value[0]) || n < min ||
		n > max)
		return fail(parse, "%s= takes a whole number from %u to %u, not \"%s\"", key, min,
			max, value);
	*ret = (unsigned)n;
	return true;
}

/* Seconds, or with a unit: 90, 90s, 5min, 1h, 1d; "infinity" where that is allowed. */
static bool parse_seconds(
	struct parse *parse, const char *key, const char *value, bool infinity, unsigned *ret)
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
	return fail(parse, "%s= takes a time from a second to 68 years such as 90, 90s, 5min or 1h%s, not \"%s\"",
		key, infinity ? ", or \"infinity\"" : "", value);
}

static bool parse_kinds(struct parse *parse, const char *key, const char *value, unsigned *ret)
{
	unsigned kinds = 0;

	for (size_t length; *(value += strspn(value, " \t")); value += length) {
		char name[16] = "";
		unsigned kind = 0;

		length = strcspn(value, " \t");
		if (length < sizeof(name))
			kind = policy_kind_from_name(memcpy(name, value, length));
		if (!kind)
			return fail(parse,
				"%s= knows tcp, udp, mptcp, sctp, udplite and ping, not \"%.*s\"",
				key, (int)length, value);
		kinds |= kind;
	}
	*ret = kinds;
	return true;
}

static int handle(void *user, const char *section, const char *key, const char *value)
{
	struct parse *parse = user;
	struct config *config = &parse->config;

	if (!key) /* a section without keys, if inih was built to tell */
		return true;
	if (strcmp(section, "Server") != 0)
		return fail(parse, section[0] ? "there is no section [%s], only [Server]"
					      : "%skeys belong below a line [Server]",
			section);
	if (!value)
		return fail(parse, "%s needs a value: %s=...", key, key);
	if (strcmp(key, "MaxConnections") == 0)
		return parse_count(parse, key, value, 1, 1000000, &config->max_connections);
	if (strcmp(key, "MaxConnectionsPerUser") == 0)
		return parse_count(parse, key, value, 1, 1000000, &config->max_connections_per_user);
	if (strcmp(key, "MaxBatch") == 0)
		return parse_count(parse, key, value, 1, WIRE_BATCH_MAX, &config->max_batch);
	if (strcmp(key, "IdleTimeoutSec") == 0)
		return parse_seconds(parse, key, value, true, &config->idle_timeout_s);
	if (strcmp(key, "RequestTimeoutSec") == 0)
		return parse_seconds(parse, key, value, false, &config->request_timeout_s);
	if (strcmp(key, "AllowSockets") == 0)
		return parse_kinds(parse, key, value, &config->policy.kinds);
	return fail(parse, "there is no setting %s=", key);
}

/* What is wrong with a line that inih would change in silence, or NULL. */
static const char *line_check(const struct parse *parse, const char *line)
{
	const char *text = line;
	size_t blank;

	if (parse->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
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
	struct parse *parse = stream;
	const char *reason = NULL;
	int length = 0, c = 0;

	if (parse->error[0])
		return NULL;
	while (length < size - 1 && c != '\n' && (c = getc(parse->file)) != EOF)
		buffer[length++] = (char)c;
	buffer[length] = '\0';
	if (length == 0)
		return NULL;
	parse->line++;
	if (memchr(buffer, '\0', (size_t)length))
		reason = "the line has a NUL byte";
	else if (c != '\n' && c != EOF)
		reason = "the line is too long";
	else
		reason = line_check(parse, buffer);
	if (!reason)
		return buffer;
	fail(parse, "%s", reason);
	return NULL;
}

int config_load(const char *path, struct config *ret, char *error, size_t error_size)
{
	struct parse parse = {
		.path = path, .config = config_default(), .error = error, .error_size = error_size};
	int r, line;

	error[0] = '\0';
	parse.file = fopen(path, "re");
	if (!parse.file) {
		r = -errno;
		snprintf(error, error_size, "%s: %s", path, strerror(-r));
		return r;
	}
	line = ini_parse_stream(read_line, &parse, handle, &parse);
	/* inih knows the first line with a mistake, ours or its own. */
	if (line != 0 && (!error[0] || (line > 0 && (unsigned)line < parse.error_line))) {
		error[0] = '\0';
		parse.line = line > 0 ? (unsigned)line : parse.line;
		fail(&parse, "this is neither [Section] nor Key=value");
	}
	r = ferror(parse.file) ? -EIO : 0;
	if (r < 0 && !error[0])
		snprintf(error, error_size, "%s: cannot be read", path);
	fclose(parse.file);
	if (error[0])
		return r < 0 ? r : -EINVAL;
	*ret = parse.config;
	return 0;
}
