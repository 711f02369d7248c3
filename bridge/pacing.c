/* SPDX-License-Identifier: MIT */
#include "bridge/pacing.h"

#include <netinet/tcp.h>
#include <string.h>

enum { UNKNOWN, PACES, PACES_NOT };

void pacing_avoid(int fd, const struct netaddr *address, pacing_known *known)
{
	char name[16] = "";
	socklen_t length = sizeof(name);

	if (!netaddr_is_local(address) || netaddr_is_unspecified(address) ||
		atomic_load_explicit(known, memory_order_relaxed) == PACES_NOT)
		return;
	if (atomic_load_explicit(known, memory_order_relaxed) == UNKNOWN) {
		bool paces = getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length) == 0 &&
			     strncmp(name, "bbr", 3) == 0;

		atomic_store(known, paces ? PACES : PACES_NOT);
		if (!paces)
			return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
}
