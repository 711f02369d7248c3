/* SPDX-License-Identifier: MIT */
/*
 * Reads the ACL of a file, changes the entries in question, has the mask worked out anew, writes
 * it back. One write per file, so nobody ever sees half of it.
 *
 * The group bits of a file with an ACL are its mask: the most that any named entry and the owning
 * group get. On a socket of mode 0600 a new entry alone would therefore count for nothing, and
 * with a mask worked out from all entries the owning group would suddenly have its rights back if
 * chmod(1) had taken them by way of the mask. So the mask becomes what it was (or, in an ACL
 * without one, what the owning group had), and what the new entries need.
 */
#include "server/access.h"

#include "daemon/explain.h"

#include "common/cleanup.h"

#include <acl/libacl.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/stat.h>

/* ---- names ---- */

int access_lookup(
	bool group, const char *name, struct access_who *ret, char *error, size_t error_size)
{
	char *end;
	unsigned long id;

	ret->group = group;
	if (group) {
		const struct group *entry = getgrnam(name);

		if (entry) {
			ret->id = entry->gr_gid;
			return 0;
		}
	} else {
		const struct passwd *entry = getpwnam(name);

		if (entry) {
			ret->id = entry->pw_uid;
			return 0;
		}
	}
	errno = 0;
	id = strtoul(name, &end, 10);
	if (isdigit((unsigned char)name[0]) && !*end && !errno && id < UINT_MAX) {
		ret->id = (unsigned)id;
		return 0;
	}
	return explain(error, error_size, -ESRCH, "there is no %s \"%s\"",
		group ? "group" : "user", name);
}

int access_parse(const char *text, struct access_who *ret, char *error, size_t error_size)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;

	if (colon && colon[1]) {
		if (length > 0 && strncmp(text, "user", length) == 0 && (length == 1 || length == 4))
			return access_lookup(false, colon + 1, ret, error, error_size);
		if (length > 0 && strncmp(text, "group", length) == 0 &&
			(length == 1 || length == 5))
			return access_lookup(true, colon + 1, ret, error, error_size);
	}
	return explain(error, error_size, -EINVAL, "\"%s\" is neither u:NAME nor g:NAME (and SERVER comes before those)", text);
}

/* ---- entries ---- */

static acl_permset_t permset_of(acl_entry_t entry)
{
	acl_permset_t permset = NULL;

	acl_get_permset(entry, &permset);
	return permset;
}

/* The entry of a tag, for named ones of an id; NULL where there is none. */
static acl_entry_t find_entry(acl_t acl, acl_tag_t tag, unsigned id)
{
	acl_entry_t entry;

	for (int r = acl_get_entry(acl, ACL_FIRST_ENTRY, &entry); r == 1;
		r = acl_get_entry(acl, ACL_NEXT_ENTRY, &entry)) {
		acl_tag_t found;
		unsigned *qualifier;
		bool same;

		if (acl_get_tag_type(entry, &found) < 0 || found != tag)
			continue;
		if (tag != ACL_USER && tag != ACL_GROUP)
			return entry;
		qualifier = acl_get_qualifier(entry);
		same = qualifier && *qualifier == id;
		acl_free(qualifier);
		if (same)
			return entry;
	}
	return NULL;
}

/* Adds permissions (ACL_READ, ...) to an entry, which is made where there is none. */
static int add_permissions(acl_t *acl, acl_tag_t tag, unsigned id, const acl_perm_t *perms, unsigned n)
{
	acl_entry_t entry = find_entry(*acl, tag, id);

	if (!entry) {
		if (acl_create_entry(acl, &entry) < 0 || acl_set_tag_type(entry, tag) < 0)
			return -errno;
		if ((tag == ACL_USER || tag == ACL_GROUP) && acl_set_qualifier(entry, &id) < 0)
			return -errno;
	}
	for (unsigned i = 0; i < n; i++) {
		if (acl_add_perm(permset_of(entry), perms[i]) < 0)
			return -errno;
	}
	return 0;
}

/* The mask, made from the owning group's permissions where there is none. */
static int add_mask(acl_t *acl, const acl_perm_t *perms, unsigned n)
{
	static const acl_perm_t all[] = {ACL_READ, ACL_WRITE, ACL_EXECUTE};
	acl_entry_t group = find_entry(*acl, ACL_GROUP_OBJ, 0);
	int r;

	if (!find_entry(*acl, ACL_MASK, 0)) {
		for (unsigned i = 0; i < 3; i++) {
			if (!group || acl_get_perm(permset_of(group), all[i]) != 1)
				continue;
			r = add_permissions(acl, ACL_MASK, 0, &all[i], 1);
			if (r < 0)
				return r;
		}
	}
	return add_permissions(acl, ACL_MASK, 0, perms, n);
}

/*
 * Raising the mask must not give the owning group, or another entry, what the mask kept from it:
 * such permissions are taken from the entry first.
 */
static void settle_masked(acl_t acl)
{
	static const acl_perm_t all[] = {ACL_READ, ACL_WRITE, ACL_EXECUTE};
	acl_entry_t mask = find_entry(acl, ACL_MASK, 0), entry;
	acl_tag_t tag;

	if (!mask)
		return;
	for (int r = acl_get_entry(acl, ACL_FIRST_ENTRY, &entry); r == 1;
		r = acl_get_entry(acl, ACL_NEXT_ENTRY, &entry)) {
		if (acl_get_tag_type(entry, &tag) < 0 ||
			(tag != ACL_USER && tag != ACL_GROUP && tag != ACL_GROUP_OBJ))
			continue;
		for (unsigned i = 0; i < 3; i++) {
			if (acl_get_perm(permset_of(mask), all[i]) == 0)
				acl_delete_perm(permset_of(entry), all[i]);
		}
	}
}

static int change_acl(acl_t *acl, enum access_change change, const struct access_who *who,
	unsigned n_who, const acl_perm_t *perms, unsigned n_perms)
{
	int r;

	if (change == ACCESS_GRANT)
		settle_masked(*acl);
	for (unsigned i = 0; i < n_who; i++) {
		acl_tag_t tag = who[i].group ? ACL_GROUP : ACL_USER;
		acl_entry_t entry;

		if (change == ACCESS_GRANT) {
			r = add_permissions(acl, tag, who[i].id, perms, n_perms);
			if (r < 0)
				return r;
			continue;
		}
		entry = find_entry(*acl, tag, who[i].id);
		if (entry && acl_delete_entry(*acl, entry) < 0)
			return -errno;
	}
	return change == ACCESS_GRANT ? add_mask(acl, perms, n_perms) : 0;
}

/* fd is O_PATH, which acl_get_fd(3) does not take; its name in /proc always is that inode. */
static int change_file(int fd, enum access_change change, const struct access_who *who,
	unsigned n_who, const acl_perm_t *perms, unsigned n_perms)
{
	char path[32];
	acl_t acl;
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	acl = acl_get_file(path, ACL_TYPE_ACCESS);
	if (!acl)
		return -errno;
	r = change_acl(&acl, change, who, n_who, perms, n_perms);
	if (r == 0 && acl_set_file(path, ACL_TYPE_ACCESS, acl) < 0)
		r = -errno;
	acl_free(acl);
	return r;
}

/*
 * Opens a socket file and its directory, by O_PATH. What follows is about these two inodes: in a
 * directory that belongs to somebody else, names may be swapped for links to files of ours.
 */
static int open_both(const char *path, int *ret_directory, int *ret_socket)
{
	_cleanup_fd_ int directory = -1;
	char copy[PATH_MAX], *slash;

	snprintf(copy, sizeof(copy), "%s", path);
	slash = strrchr(copy, '/'); /* an address that is a path has one */
	*slash = '\0';
	directory = open(slash == copy ? "/" : copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	*ret_socket = openat(directory, slash + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_socket < 0)
		return -errno;
	*ret_directory = steal_fd(&directory);
	return 0;
}

int access_change(const char *path, enum access_change change, const struct access_who *who,
	unsigned n, char *error, size_t error_size)
{
	static const acl_perm_t connect_perms[] = {ACL_READ, ACL_WRITE}, search[] = {ACL_EXECUTE};
	char name[32];
	_cleanup_fd_ int directory = -1, socket = -1;
	struct stat st;
	int r;

	r = open_both(path, &directory, &socket);
	if (r < 0 || fstat(socket, &st) < 0)
		return explain(error, error_size, -errno, "%s: %s%s", path, strerror(errno),
			errno == ENOENT ? ": start the broker, or its socket unit, first" : "");
	if (!S_ISSOCK(st.st_mode))
		return explain(error, error_size, -ENOTSOCK, "%s is no socket", path);
	r = change_file(socket, change, who, n, connect_perms, 2);
	if (r < 0)
		return explain(error, error_size, r, "%s: its access list cannot be changed: %s%s",
			path, strerror(-r), r == -EPERM ? ": only root and its owner may" : "");
	if (change == ACCESS_REVOKE)
		return 0;
	/* Most often everybody may search it: no entry and no class is kept from that. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", directory);
	if (fstat(directory, &st) == 0 && (st.st_mode & 0011) == 0011 &&
		acl_extended_file(name) == 0)
		return 0;
	r = change_file(directory, change, who, n, search, 1);
	if (r < 0)
		return explain(error, error_size, r,
			"the directory of %s: its access list cannot be changed: %s", path,
			strerror(-r));
	return 0;
}
