/* SPDX-License-Identifier: MIT */
/*
 * Programs know the errno values that a call documents and take any other for a bug, or try again
 * for ever. A socket that could not be had at all becomes what the hook of that call says: to
 * bind(2) the address is not there, EADDRNOTAVAIL, and not EADDRINUSE, after which many try the
 * next port; to socket(2) the network is down, ENETDOWN. Never EAGAIN or EINTR, which mean that
 * trying at once again helps.
 */
#include "preload/advice.h"

#include "common/address.h"
#include "common/remedy.h"
#include "preload/report.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

int advice_errno(int error)
{
	switch (error) {
	/* A right is missing, which EACCES means to bind(2) as well. */
	case EACCES:
	case EPERM:
		return EACCES;
	/* Something has run out: passed on, since it is not the address that is wrong. */
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
		return error;
	default:
		return 0;
	}
}

void advice_report(const struct advice_call *call, const char *server, int error)
{
	const char *name = server ? server : ADDRESS_DEFAULT;
	const char *directory = strchr(name, '/') || *name == '@' ? "" : ADDRESS_DIRECTORY "/";
	char unknown[16], text[REMEDY_TEXT];

	report(REPORT_ERROR, "%s%s by %s%s failed: %s: %s", call->name, call->port, directory, name,
		report_strerror(error, unknown), remedy_text(server, error, text));
}
