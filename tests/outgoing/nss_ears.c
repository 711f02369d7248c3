/* SPDX-License-Identifier: MIT */
/*
 * A module of NSS ("hosts: ears") as those of systemd-resolved, avahi and sssd are: it asks the
 * services of this machine, by their Unix sockets, for the name. It never knows an answer.
 */
#include <netdb.h>
#include <nss.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const services[] = {
	"/run/systemd/resolve/io.systemd.Resolve",
	"/run/avahi-daemon/socket",
	"/var/lib/sss/pipes/nss",
	"/run/dbus/system_bus_socket",
};

struct gaih_addrtuple;

static enum nss_status ask(const char *name, int *error, int *h_error)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			continue;
		strcpy(address.sun_path, services[i]);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			send(fd, name, strlen(name), MSG_NOSIGNAL);
		close(fd);
	}
	*error = 0;
	*h_error = HOST_NOT_FOUND;
	return NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_ears_gethostbyname4_r(const char *name, struct gaih_addrtuple **tuple,
	char *buffer, size_t size, int *error, int *h_error, int32_t *ttl);
enum nss_status _nss_ears_gethostbyname2_r(const char *name, int family, struct hostent *host,
	char *buffer, size_t size, int *error, int *h_error);
enum nss_status _nss_ears_gethostbyname_r(const char *name, struct hostent *host, char *buffer,
	size_t size, int *error, int *h_error);
enum nss_status _nss_ears_gethostbyaddr_r(const void *address, socklen_t length, int family,
	struct hostent *host, char *buffer, size_t size, int *error, int *h_error);

enum nss_status _nss_ears_gethostbyname4_r(const char *name, struct gaih_addrtuple **tuple,
	char *buffer, size_t size, int *error, int *h_error, int32_t *ttl)
{
	return ask(name, error, h_error);
}

enum nss_status _nss_ears_gethostbyname2_r(const char *name, int family, struct hostent *host,
	char *buffer, size_t size, int *error, int *h_error)
{
	return ask(name, error, h_error);
}

enum nss_status _nss_ears_gethostbyname_r(const char *name, struct hostent *host, char *buffer,
	size_t size, int *error, int *h_error)
{
	return ask(name, error, h_error);
}

enum nss_status _nss_ears_gethostbyaddr_r(const void *address, socklen_t length, int family,
	struct hostent *host, char *buffer, size_t size, int *error, int *h_error)
{
	return ask("an address", error, h_error);
}
