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
#include "preload/report.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	int error;
	struct advice advice;
} advices[] = {
	/* No broker, now. */
	{ENOENT, {0, ADVICE_SHOW, "there is no such control socket"}},
	{ENOTDIR, {0, ADVICE_SHOW, "there is no such control socket"}},
	{ECONNREFUSED, {0, ADVICE_START, "nobody listens there"}},
	{ELOOP, {0, ADVICE_PLAIN,
			"symbolic links on the way to the control socket lead in a circle"}},
	{ENAMETOOLONG, {0, ADVICE_PLAIN, "the path of a control socket is at most 107 bytes long"}},
	{ENETDOWN, {0, ADVICE_LOG,
			   "the broker hung up without an answer, most likely its network "
			   "namespace does not exist (ip netns list shows those that do)"}},
	{ETIMEDOUT, {0, ADVICE_LOG, "the broker did not answer in time"}},
	{EPROTO, {0, ADVICE_PLAIN, "what listens there is not an xsocket broker"}},
	{EBADMSG, {0, ADVICE_PLAIN,
			  "the broker did not understand, it and this library are of versions that "
			  "do not fit: install the same one and start the program again"}},
	{EOPNOTSUPP, {0, ADVICE_PLAIN,
			     "the broker does not know what was asked for, it and this library are "
			     "of versions that do not fit: install the same one and start the "
			     "program again"}},
	/* A right is missing, which EACCES means to bind(2) as well. */
	{EACCES, {EACCES, ADVICE_PLAIN,
			 "this user may not connect to the broker (as root: xsocket-server --grant "
			 "SERVER u:USER, or add the user to the group xsocket), or it does not "
			 "hand out such sockets (AllowSockets=), or the program's unit hides its "
			 "socket (InaccessiblePaths=)"}},
	{EPERM, {EACCES, ADVICE_PLAIN, "a sandbox or a security module forbids it"}},
	/* A kind of socket that is not there. */
	{EAFNOSUPPORT, {0, ADVICE_PLAIN,
			       "does the program's own sandbox forbid Unix sockets (add "
			       "RestrictAddressFamilies=AF_UNIX to its unit), or the broker's "
			       "namespace this family?"}},
	{EPROTONOSUPPORT, {0, ADVICE_LOG,
				  "the broker's namespace does not have this protocol, or broker "
				  "and library are of versions that do not fit"}},
	{ESOCKTNOSUPPORT, {0, ADVICE_LOG, "the broker's namespace has no such sockets"}},
	/* Something has run out: passed on, since it is not the address that is wrong. */
	{EMFILE, {EMFILE, ADVICE_PLAIN,
			 "no descriptor is left, here or in the broker (LimitNOFILE=)"}},
	{ENFILE, {ENFILE, ADVICE_PLAIN, "no descriptor is left in the system (fs.file-max)"}},
	{ENOMEM, {ENOMEM, ADVICE_PLAIN, "the kernel is out of memory"}},
	{ENOBUFS, {ENOBUFS, ADVICE_PLAIN, "the kernel is out of memory"}},
	{EUSERS, {0, ADVICE_PLAIN, "this user has too many connections to the broker"}},
	{EBUSY, {0, ADVICE_LOG, "the broker has too many connections"}},
	{ETOOMANYREFS, {0, ADVICE_PLAIN,
			       "this user has asked for too many sockets and never received them"}},
};

static const struct advice other = {0, ADVICE_LOG, "this is not expected"};

const struct advice *advice_for(int error)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		if (advices[i].error == error)
			return &advices[i].advice;
	}
	return &other;
}

/* What stands behind xsocket@ in the names of the broker's units, or NULL: it has none. */
static const char *instance_of(const char *server)
{
	static const char directory[] = ADDRESS_DIRECTORY "/";

	if (strncmp(server, directory, sizeof(directory) - 1) == 0)
		server += sizeof(directory) - 1;
	return strchr(server, '/') || *server == '@' ? NULL : server;
}

/*
 * The control socket is not there, for this program: its unit may have a root directory of its own,
 * or something mounted in front. Nothing below InaccessiblePaths= can be made visible again.
 */
static void report_hidden(const struct advice_call *call, const char *directory, const char *name,
	const char *instance, const char *unit, const char *error)
{
	report(REPORT_ERROR,
		"%s%s by %s%s failed: %s: there is no such control socket; start it: "
		"%s%s%s%s%s; or, where the program's unit hides it, add BindReadOnlyPaths=%s"
		" (RootDirectory=, TemporaryFileSystem=) or take it out of InaccessiblePaths=",
		call->name, call->port, directory, name, error,
		instance ? "systemctl enable --now xsocket" : "xsocket-server ", *unit ? "@" : "",
		unit, instance ? ".socket" : name,
		instance ? " (ls /run/xsocket shows those there are)" : "",
		instance ? ADDRESS_DIRECTORY : " for its directory");
}

void advice_report(const struct advice_call *call, const char *server, int error)
{
	const struct advice *advice = advice_for(error);
	const char *name = server ? server : ADDRESS_DEFAULT, *instance = instance_of(name);
	const char *directory = strchr(name, '/') || *name == '@' ? "" : ADDRESS_DIRECTORY "/";
	const char *text = advice->text, *command = "", *unit = "", *suffix = "";
	char unknown[16];

	/* The default broker's units have no instance. */
	if (instance && strcmp(instance, ADDRESS_DEFAULT) != 0)
		unit = instance;
	if (advice->unit == ADVICE_SHOW && *name != '@') {
		report_hidden(
			call, directory, name, instance, unit, report_strerror(error, unknown));
		return;
	}
	if (advice->unit == ADVICE_START && *name != '@') {
		command = instance ? "; start it: systemctl enable --now xsocket"
				   : "; start it: xsocket-server ";
		suffix = instance ? ".socket" : name;
	} else if (advice->unit == ADVICE_START || advice->unit == ADVICE_SHOW) {
		text = "abstract names cannot be reached from another network namespace, give the "
		       "broker a path";
	} else if (advice->unit == ADVICE_LOG && instance) {
		command = "; see its log: journalctl -u xsocket";
	}
	if (!*command || !instance)
		unit = "";
	report(REPORT_ERROR, "%s%s by %s%s failed: %s: %s%s%s%s%s", call->name, call->port,
		directory, name, report_strerror(error, unknown), text, command, *unit ? "@" : "",
		unit, suffix);
}
