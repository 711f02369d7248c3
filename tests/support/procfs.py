# SPDX-License-Identifier: MIT
"""Other processes' descriptors."""

import contextlib
import ctypes
import os
import socket

_libc = ctypes.CDLL(None, use_errno=True)
SYS_PIDFD_GETFD = 438


def numbers(directory):
    """The entries of a directory of /proc that are numbers; none if the process has ended."""
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir(directory) if name.isdecimal()]
    return []


def copy_socket(pid, fd):
    """The socket that is a process's descriptor of that number."""
    pidfd = os.pidfd_open(pid)
    try:
        number = _libc.syscall(SYS_PIDFD_GETFD, pidfd, fd, 0)
        if number < 0:
            raise OSError(ctypes.get_errno(), f'pidfd_getfd of {fd} of process {pid}')
        return socket.socket(fileno=number)
    finally:
        os.close(pidfd)


def sockets(pid):
    """Copies of all sockets of a process."""
    for fd in numbers(f'/proc/{pid}/fd'):
        with contextlib.suppress(OSError):  # closed since, or not a socket
            if os.readlink(f'/proc/{pid}/fd/{fd}').startswith('socket:'):
                yield copy_socket(pid, fd)


def cpu_time(pid):
    """Seconds that a process has used, in all its threads."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as stat:
        fields = stat.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def resident(pid):
    """Bytes of memory that a process has for itself: not the pages of files that it has mapped.

    0 where most of that would be a sanitizer's.
    """
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
        if any('/libasan' in line or '/libtsan' in line for line in maps):
            return 0
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith('RssAnon'))
