/* SPDX-License-Identifier: MIT */
/*
 * Any file is either a plan, and then all of it is within its limits, or refused with a message and
 * nothing changed. A file that is right means the same with comments before it, and is wrong with a
 * NUL byte or an unknown setting behind it.
 */
#include "tests/fuzz/fuzz.h"

#include "bridge/config.h"

#include <errno.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

static int load(const char *before, const uint8_t *data, size_t size, const char *after,
	size_t after_size, struct plan *ret)
{
	char path[64], error[1200];
	int fd = memfd_create("config", MFD_CLOEXEC), r;
	struct plan untouched;

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

static bool is_time(unsigned seconds)
{
	return seconds <= INT_MAX || seconds == PLAN_NEVER;
}

static void is_within_limits(const struct plan *plan)
{
	char error[1024];

	HOLDS(plan->n_forwards > 0);
	HOLDS(plan->max_connections >= 1 && plan->max_connections <= PLAN_MAX_CONNECTIONS_MAX);
	HOLDS(plan->connect_timeout_s >= 1 && plan->connect_timeout_s <= INT_MAX);
	HOLDS(plan->idle_timeout_s >= 1 && is_time(plan->idle_timeout_s));
	HOLDS(plan->udp_timeout_s >= 1 && plan->udp_timeout_s <= INT_MAX);
	HOLDS(plan->drain_timeout_s <= INT_MAX && plan->workers <= PLAN_WORKERS_MAX);
	for (unsigned i = 0; i < plan->n_forwards; i++) {
		const struct plan_forward *forward = &plan->forwards[i];

		HOLDS(forward->name[0] && strlen(forward->name) <= 32);
		HOLDS(forward->listen.text && forward->listen.side == ENDPOINT_LISTEN);
		HOLDS(forward->connect.text && forward->connect.side == ENDPOINT_CONNECT);
		HOLDS(forward->max_connections <= PLAN_MAX_CONNECTIONS_MAX);
		HOLDS(forward->connect_timeout_s <= INT_MAX && is_time(forward->idle_timeout_s));
	}
	HOLDS(plan_check(plan, error, sizeof(error)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan plan, other;
	int r;

	if (size > 4096)
		return 0;
	r = load("", data, size, "", 0, &plan);
	if (r == 0)
		is_within_limits(&plan);
	/* A byte order mark counts only where the file begins. */
	if (size < 3 || memcmp(data, "\xef\xbb\xbf", 3) != 0) {
		HOLDS(load("; comment\n\n", data, size, "", 0, &other) == r);
		HOLDS(r < 0 || other.n_forwards == plan.n_forwards);
		if (r == 0)
			plan_free(&other);
	}
	HOLDS(load("", data, size, "\0", 1, &other) < 0);
	HOLDS(load("", data, size, "\nUnknown=1", 10, &other) < 0);
	if (r == 0)
		plan_free(&plan);
	return 0;
}
