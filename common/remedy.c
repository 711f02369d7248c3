/* SPDX-License-Identifier: MIT */
#include "common/remedy.h"

#include "common/address.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* What is to follow. */
enum more {
	MORE_NONE,
	MORE_SHOW,  /* the same as the next, and how to make its socket visible */
	MORE_START, /* how to start the broker */
	MORE_LOG,   /* how to see its log */
	MORE_GRANT, /* how to let a user connect */
};

struct remedy {
	int error;
	enum more more;
	const char *text;
};

static const struct remedy remedies[] = {
	/* No broker, now. */
	{ENOENT, MORE_SHOW, "there is no such control socket"},
	{ENOTDIR, MORE_SHOW, "there is no such control socket"},
	{ECONNREFUSED, MORE_START, "nobody listens there"},
	{ELOOP, MORE_NONE, "symbolic links on the way to the control socket lead in a circle"},
	{ENAMETOOLONG, MORE_NONE, "the path of a control socket is at most 107 bytes long"},
	{ENETDOWN, MORE_LOG,
		"the broker hung up without an answer, most likely its network namespace does not "
		"exist (ip netns list shows those that do)"},
	{ETIMEDOUT, MORE_LOG, "the broker did not answer in time"},
	{EPROTO, MORE_NONE, "what listens there is not an xsocket broker"},
	{EBADMSG, MORE_NONE,
		"the broker did not understand, it and this library are of versions that do not "
		"fit: install the same one and start the program again"},
	{EOPNOTSUPP, MORE_NONE,
		"the broker does not know what was asked for, it and this library are of versions "
		"that do not fit: install the same one and start the program again"},
	/* A right is missing. */
	{EACCES, MORE_GRANT,
		"this user may not connect to the broker, or it does not hand that out "
		"(AllowSockets=, AllowResolver=), or the program's unit hides its socket "
		"(InaccessiblePaths=)"},
	{EPERM, MORE_NONE,
		"a sandbox or a security module forbids it; or that is no control socket, as the "
		"files of /run/netns are none: name the broker"},
	/* A kind of socket that is not there. */
	{EAFNOSUPPORT, MORE_NONE,
		"does the program's own sandbox forbid Unix sockets (add "
		"RestrictAddressFamilies=AF_UNIX to its unit), or the broker's namespace this "
		"family?"},
	{EPROTONOSUPPORT, MORE_LOG,
		"the broker's namespace does not have this protocol, or broker and library are of "
		"versions that do not fit"},
	{ESOCKTNOSUPPORT, MORE_LOG, "the broker's namespace has no such sockets"},
	/* Something has run out. */
	{EMFILE, MORE_NONE, "no descriptor is left, here or in the broker (LimitNOFILE=)"},
	{ENFILE, MORE_NONE, "no descriptor is left in the system (fs.file-max)"},
	{ENOMEM, MORE_NONE, "the kernel is out of memory"},
	{ENOBUFS, MORE_NONE, "the kernel is out of memory"},
	{EUSERS, MORE_NONE, "this user has too many connections to the broker"},
	{EBUSY, MORE_LOG, "the broker has too many connections"},
	{ETOOMANYREFS, MORE_NONE,
		"this user has asked for too many sockets and never received them"},
};

static const struct remedy other = {0, MORE_LOG, "this is not expected"};

static const struct remedy *find(int error)
{
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
		if (remedies[i].error == error)
			return &remedies[i];
	}
	return &other;
}

bool remedy_is_known(int error)
{
	return find(error) != &other;
}

/* Appends; what is too long is cut. Not by stdio, which is not for signal handlers. */
static void add(char *text, const char *more)
{
	size_t used = strlen(text), length = strlen(more), left = REMEDY_TEXT - 1 - used;

	if (length > left)
		length = left;
	memcpy(text + used, more, length);
	text[used + length] = '\0';
}

/* The default broker's units have no instance. */
static void add_unit(char *text, const char *instance)
{
	add(text, "xsocket");
	if (strcmp(instance, ADDRESS_DEFAULT) != 0) {
		add(text, "@");
		add(text, instance);
	}
}

static void add_start(char *text, const char *server, const char *instance)
{
	add(text, "; start it: ");
	if (!instance) {
		add(text, "xsocket-server ");
		add(text, server);
		return;
	}
	add(text, "systemctl enable --now ");
	add_unit(text, instance);
	add(text, ".socket");
}

/*
 * The control socket is not there, for this program: its unit may have a root directory of its own,
 * or something mounted in front. Nothing below InaccessiblePaths= can be made visible again.
 */
static void add_hidden(char *text, const char *instance)
{
	if (instance)
		add(text, " (ls " ADDRESS_DIRECTORY " shows those there are)");
	add(text, "; or, where the program's unit hides it, add BindReadOnlyPaths=");
	add(text, instance ? ADDRESS_DIRECTORY : " for its directory");
	add(text, " (RootDirectory=, TemporaryFileSystem=) or take it out of InaccessiblePaths=");
}

const char *remedy_text(const char *server, int error, char text[REMEDY_TEXT])
{
	const struct remedy *remedy = find(error);
	const char *name = server ? server : ADDRESS_DEFAULT, *instance = address_instance(name);
	bool start = remedy->more == MORE_SHOW || remedy->more == MORE_START;

	text[0] = '\0';
	if (start && *name == '@') {
		add(text, "abstract names cannot be reached from another network namespace, give "
			  "the broker a path");
		return text;
	}
	add(text, remedy->text);
	if (start)
		add_start(text, name, instance);
	if (remedy->more == MORE_SHOW)
		add_hidden(text, instance);
	if (remedy->more == MORE_GRANT) {
		add(text, "; to let a user connect, as root: xsocket-server --grant ");
		add(text, name);
		add(text, " u:USER");
		/* whose brokers are those that systemd starts */
		if (instance)
			add(text, ", or add the user to the group xsocket");
	}
	if (remedy->more == MORE_LOG && instance) {
		add(text, "; see its log: journalctl -u ");
		add_unit(text, instance);
	}
	return text;
}
