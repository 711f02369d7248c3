/* SPDX-License-Identifier: MIT */
#include "server/listen.h"

#include "daemon/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

static int check_inherited(int fd, char *error, size_t error_size)
{
	int flags;

	if (sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 1) <= 0)
		return explain(error, error_size, -EINVAL,
			"descriptor %d, passed by the service manager, is no listening Unix socket "
			"of type SOCK_SEQPACKET (ListenSequentialPacket=)",
			fd);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return explain(error, error_size, -errno, "descriptor %d: %s", fd, strerror(errno));
	return 0;
}

int listen_inherited(int **ret_fds, char *error, size_t error_size)
{
	int n = sd_listen_fds(1), *fds, r;

	if (n < 0)
		return explain(error, error_size, n, "LISTEN_FDS: %s", strerror(-n));
	if (n == 0)
		return 0;
	for (int i = 0; i < n; i++) {
		r = check_inherited(SD_LISTEN_FDS_START + i, error, error_size);
		if (r < 0)
			return r;
	}
	fds = calloc((size_t)n, sizeof(*fds));
	if (!fds)
		return explain(error, error_size, -ENOMEM, "%s", strerror(ENOMEM));
	for (int i = 0; i < n; i++)
		fds[i] = SD_LISTEN_FDS_START + i;
	*ret_fds = fds;
	return n;
}

int listen_address(int fd, struct address *ret)
{
	*ret = (struct address){.length = sizeof(ret->un)};
	if (getsockname(fd, (struct sockaddr *)&ret->un, &ret->length) < 0)
		return -errno;
	return ret->un.sun_family == AF_UNIX ? 0 : -EINVAL;
}
