/* SPDX-License-Identifier: MIT */
#include "resolver/readconf.h"

#include "resolver/interface.h"
#include "resolver/lines.h"
#include "resolver/why.h"

#include "common/cancel.h"
#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_ours(int file)
{
	struct stat theirs, ours;

	return fstat(file, &theirs) == 0 && stat("/etc/resolv.conf", &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* A machine that has a domain in its name searches in it. */
static void search_own_domain(struct resolvconf *conf)
{
	char name[256], *dot;

	if (gethostname(name, sizeof(name)) < 0)
		return;
	name[sizeof(name) - 1] = '\0';
	dot = strchr(name, '.');
	if (dot)
		resolvconf_search(conf, dot + 1);
}

static void look_into_environment(struct resolvconf *conf)
{
	const char *domains = secure_getenv("LOCALDOMAIN"), *options = secure_getenv("RES_OPTIONS");

	if (domains)
		resolvconf_search(conf, domains);
	if (domains && !*domains) /* that is the root */
		conf->domains[conf->n_domains++] = "";
	if (options)
		resolvconf_options(conf, options);
}

int readconf(const struct resolver_source *source, struct resolvconf *conf, bool *ret_is_ours)
{
	_cleanup_fd_ int file = source->file(source->data, RESOLVER_RESOLV_CONF);
	struct lines lines;
	char *line;
	int r = 0;

	*ret_is_ours = false;
	if (file < 0 && file != -ENOENT)
		return file;
	if (file >= 0) {
		*ret_is_ours = is_ours(file);
		lines_init(&lines, file);
		while ((r = lines_next(&lines, &line)) > 0)
			resolvconf_line(conf, line);
		lines_end(&lines);
	}
	look_into_environment(conf);
	if (!conf->has_search)
		search_own_domain(conf);
	return r;
}

/* Names are for addresses on a link; numbers are taken as they are. */
static bool has_scope(const struct resolvconf_server *server)
{
	return server->scope[0] && (IN6_IS_ADDR_LINKLOCAL(&server->address.in6) ||
					   (server->scope[0] >= '0' && server->scope[0] <= '9'));
}

void readconf_scopes(const struct resolver_source *source, const struct resolvconf *conf,
	uint32_t ret[RESOLVCONF_SERVERS])
{
	for (unsigned i = 0; i < RESOLVCONF_SERVERS; i++) {
		ret[i] = 0;
		if (i < conf->n_servers && has_scope(&conf->servers[i]))
			interface_scope(source, conf->servers[i].scope, &ret[i]);
	}
}

int readconf_all(const struct resolver_source *source, struct resolvconf *conf,
	uint32_t ret_scopes[RESOLVCONF_SERVERS], char why[RESOLVER_WHY])
{
	int saved_errno = errno, r;
	struct cancel cancel;
	bool is_ours;

	why[0] = '\0';
	cancel_hold(&cancel);
	r = readconf(source, conf, &is_ours);
	if (r < 0)
		why_text(why, source->name, r, "its resolv.conf cannot be had");
	else
		readconf_scopes(source, conf, ret_scopes);
	cancel_release(&cancel);
	errno = saved_errno;
	return r;
}
