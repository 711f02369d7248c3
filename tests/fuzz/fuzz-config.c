/* SPDX-License-Identifier: MIT */
/*
 * Any file is either read, and then all values are within their limits, or refused with a message
 * and nothing changed. A file that is right stays so, and means the same, with blank lines and
 * comments before it, and is wrong with a NUL byte or an unknown setting behind it.
 */
#include "tests/fuzz/fuzz.h"

#include "server/config.h"

#include <errno.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

static int load(const char *before, const uint8_t *data, size_t size, const char *after,
	size_t after_size, struct config *ret)
{
	char path[64], error[200];
	int fd = memfd_create("config", MFD_CLOEXEC), r;
	struct config untouched;

	HOLDS(fd >= 0);
	HOLDS(write(fd, before, strlen(before)) == (ssize_t)strlen(before));
	HOLDS(size == 0 || write(fd, data, size) == (ssize_t)size);
	HOLDS(write(fd, after, after_size) == (ssize_t)after_size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(ret, 0x5a, sizeof(*ret));
	untouched = *ret;
	memset(error, 'x', sizeof(error));
	r = config_load(path, ret, error, sizeof(error));
	close(fd);
	HOLDS(memchr(error, 0, sizeof(error)));
	if (r == 0) {
		HOLDS(error[0] == '\0');
	} else {
		HOLDS(r == -EINVAL);
		HOLDS(strncmp(error, path, strlen(path)) == 0);
		HOLDS(memcmp(ret, &untouched, sizeof(untouched)) == 0);
	}
	return r;
}

static void is_within_limits(const struct config *config)
{
	HOLDS(config->max_connections >= 1 && config->max_connections <= 1000000);
	HOLDS(config->max_connections_per_user >= 1 &&
		config->max_connections_per_user <= 1000000);
	HOLDS(config->max_batch >= 1 && config->max_batch <= 253);
	HOLDS(config->request_timeout_s >= 1 && config->request_timeout_s <= INT_MAX);
	HOLDS(config->idle_timeout_s <= INT_MAX);
	HOLDS(config->policy.kinds < 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config, other;
	int r;

	if (size > 4096)
		return 0;
	r = load("", data, size, "", 0, &config);
	if (r == 0)
		is_within_limits(&config);
	/* A byte order mark counts only where the file begins. */
	if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
		return 0;
	HOLDS(load("; comment\n\n", data, size, "", 0, &other) == r);
	HOLDS(r < 0 || memcmp(&config, &other, sizeof(config)) == 0);
	HOLDS(load("", data, size, "\0", 1, &other) < 0);
	HOLDS(load("", data, size, "\nUnknown=1", 10, &other) < 0);
	return 0;
}
