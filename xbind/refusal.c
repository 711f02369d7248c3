/* SPDX-License-Identifier: MIT */
#include "xbind/refusal.h"

#include "common/address.h"
#include "preload/report.h"

#include <errno.h>
#include <stddef.h>

void refusal_report(unsigned port, const char *server, const char *where, int error)
{
	char unknown[16];
	const char *text = NULL;

	switch (error) {
	case EADDRNOTAVAIL:
		text = "this address is not in the broker's namespace (0.0.0.0 and :: always are), "
		       "have another one bound by a rule: PORT=ADDRESS";
		break;
	case EACCES:
		text = "it is a privileged port there, give the program CAP_NET_BIND_SERVICE "
		       "(AmbientCapabilities= in its unit), or lower "
		       "net.ipv4.ip_unprivileged_port_start in the broker's namespace";
		break;
	case ENODEV:
		text = "the broker's namespace has no such interface as the address names by its "
		       "scope";
		break;
	case EPERM:
		text = "a security module or a sandbox forbids it, SocketBindDeny= of the broker's "
		       "unit perhaps";
		break;
	}
	report(text ? REPORT_ERROR : REPORT_DEBUG,
		"bind to port %u by %s failed there as %s: %s%s%s", port,
		server ? server : ADDRESS_DEFAULT, where, report_strerror(error, unknown),
		text ? ": " : "", text ? text : "");
}

void refusal_report_family(unsigned port, bool is_ipv6)
{
	report(REPORT_ERROR,
		"bind to port %u failed: the rules of this port in XBIND have no %s address, and "
		"the socket takes no other; add %u=%s, or leave out the address",
		port, is_ipv6 ? "IPv6" : "IPv4", port, is_ipv6 ? "[ADDRESS]:PORT" : "ADDRESS:PORT");
}
