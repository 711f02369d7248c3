/* SPDX-License-Identifier: MIT */
#include "daemon/privileges.h"

#include "daemon/explain.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Reduces each set of the process to what `keep` has. A sandbox that leaves us no rights need not
 * let us call capset(2), which then is not called.
 */
static int reduce(const uint32_t keep[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};
	bool known = syscall(SYS_capget, &header, sets) == 0, change = !known;

	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		change |= (sets[i].permitted | sets[i].effective | sets[i].inheritable) & ~keep[i];
		sets[i].permitted &= keep[i];
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	return change && syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

int privileges_keep(uint64_t set, char *error, size_t error_size)
{
	const uint32_t keep[_LINUX_CAPABILITY_U32S_3] = {(uint32_t)set, (uint32_t)(set >> 32)};
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		r = -errno;
	else
		r = reduce(keep);
	if (r < 0)
		return explain(error, error_size, r, "capabilities cannot be dropped: %s",
			strerror(-r));
	return 0;
}

unsigned privileges_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		limit.rlim_cur = limit.rlim_max = 1024;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_max > UINT32_MAX ? UINT32_MAX : (unsigned)limit.rlim_max;
}
