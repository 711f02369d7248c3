/* SPDX-License-Identifier: MIT */
#include "server/config.h"

#include "common/wire.h"
#include "daemon/inifile.h"

#include <string.h>

struct config config_default(void)
{
	return (struct config){
		.max_connections = 4096,
		.max_connections_per_user = 1024,
		.idle_timeout_s = 600,
		.request_timeout_s = 5,
		.max_batch = WIRE_BATCH_MAX,
		.allow_resolver = true,
		.policy.kinds = POLICY_KINDS_DEFAULT,
	};
}

static bool parse_kinds(struct inifile *file, const char *key, const char *value, unsigned *ret)
{
	unsigned kinds = 0;

	for (size_t length; *(value += strspn(value, " \t")); value += length) {
		char name[16] = "";
		unsigned kind = 0;

		length = strcspn(value, " \t");
		if (length < sizeof(name))
			kind = policy_kind_from_name(memcpy(name, value, length));
		if (!kind)
			return inifile_fail(file,
				"%s= knows tcp, udp, mptcp, sctp, udplite, ping and route, not "
				"\"%.*s\"",
				key, (int)length, value);
		kinds |= kind;
	}
	*ret = kinds;
	return true;
}

static bool handle(struct inifile *file, const char *section, const char *key, const char *value,
	void *data)
{
	struct config *config = data;

	if (strcmp(section, "Server") != 0)
		return inifile_fail(file, section[0] ? "there is no section [%s], only [Server]"
					      : "%skeys belong below a line [Server]",
			section);
	if (strcmp(key, "MaxConnections") == 0)
		return inifile_count(file, key, value, 1, 1000000, &config->max_connections);
	if (strcmp(key, "MaxConnectionsPerUser") == 0)
		return inifile_count(file, key, value, 1, 1000000, &config->max_connections_per_user);
	if (strcmp(key, "MaxBatch") == 0)
		return inifile_count(file, key, value, 1, WIRE_BATCH_MAX, &config->max_batch);
	if (strcmp(key, "IdleTimeoutSec") == 0)
		return inifile_seconds(file, key, value, true, &config->idle_timeout_s);
	if (strcmp(key, "RequestTimeoutSec") == 0)
		return inifile_seconds(file, key, value, false, &config->request_timeout_s);
	if (strcmp(key, "AllowSockets") == 0)
		return parse_kinds(file, key, value, &config->policy.kinds);
	if (strcmp(key, "AllowResolver") == 0)
		return inifile_yes_no(file, key, value, &config->allow_resolver);
	return inifile_fail(file, "there is no setting %s=", key);
}

int config_load(const char *path, struct config *ret, char *error, size_t error_size)
{
	struct config config = config_default();
	int r = inifile_load(path, handle, &config, error, error_size);

	if (r == 0)
		*ret = config;
	return r;
}
