# SPDX-License-Identifier: MIT
"""What the kernel knows of the sockets that somebody in this PID namespace listens with.

Descriptors are copied from their owners (pidfd_getfd(2)), and every option of them that can be read
is read: two programs that got the same from their sockets have the same here.
"""

import contextlib
import os
import pathlib
import socket
import struct

from support.procfs import copy_socket, numbers

# (level, numbers): firewalls' ranges, which load modules, are left out
OPTIONS = [
    (socket.SOL_SOCKET, range(1, 90)), (socket.IPPROTO_IP, range(1, 55)),
    (socket.IPPROTO_IPV6, [*range(1, 64), *range(70, 80)]),
    (socket.IPPROTO_TCP, range(1, 48)), (socket.IPPROTO_UDP, range(1, 110)),
]
# What is read once (SO_ERROR), makes a descriptor (SO_PEERPIDFD), or is never the same twice:
# SO_INCOMING_CPU, SO_MEMINFO, SO_INCOMING_NAPI_ID, SO_COOKIE, SO_NETNS_COOKIE; TCP_INFO,
# TCP_TIMESTAMP, TCP_CC_INFO
LEFT_OUT = {(socket.SOL_SOCKET, number) for number in (4, 49, 55, 56, 57, 71, 77)} | \
    {(socket.IPPROTO_TCP, number) for number in (11, 24, 26)}
TCP_MAX_BACKLOG = 28  # where tcpi_sacked is, which for a listening socket means this


def rows(namespace, port, proto):
    """(table, address, inode) of those that listen on a port, in this order."""
    with namespace.entered():
        for table in (proto, f'{proto}6'):
            with open(f'/proc/thread-self/net/{table}', encoding='ascii') as lines:
                for line in list(lines)[1:]:
                    row = line.split()
                    # TCP_LISTEN, or for UDP TCP_CLOSE: not connected
                    if int(row[1].rpartition(':')[2], 16) == port \
                            and row[3] == ('0A' if proto == 'tcp' else '07'):
                        yield table, row[1], int(row[9])


def listening(namespace, port, proto='tcp'):
    """How many IPv4 and how many IPv6 sockets of a namespace listen on a port."""
    tables = [table for table, *_ in rows(namespace, port, proto)]
    return tables.count(proto), tables.count(f'{proto}6')


def _holders(inode):
    """(pid, descriptor) of all who have this socket."""
    for pid in numbers('/proc'):
        for fd in numbers(f'/proc/{pid}/fd'):
            with contextlib.suppress(OSError):  # ended, closed
                if os.readlink(f'/proc/{pid}/fd/{fd}') == f'socket:[{inode}]':
                    yield pid, fd


def _flags(pid, fd):
    """Those of the open file and of the descriptor."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f'/proc/{pid}/fdinfo/{fd}').read_text('ascii').splitlines():
            if line.startswith('flags:'):
                yield line.split()[1]


def _epoll(pid, inode):
    """The events of each epoll entry of the socket, in the sets of a process."""
    for fd in numbers(f'/proc/{pid}/fdinfo'):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f'/proc/{pid}/fdinfo/{fd}').read_text('ascii').splitlines():
                word = line.split()
                if word[:1] == ['tfd:'] and int(line.partition('ino:')[2].split()[0], 16) == inode:
                    yield word[3]


def _options(sock):
    found = {}
    for level, numbers in OPTIONS:
        for number in numbers:
            if (level, number) not in LEFT_OUT:
                with contextlib.suppress(OSError):
                    found[f'option {level}/{number}'] = sock.getsockopt(level, number, 128).hex()
    with contextlib.suppress(OSError):
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128)
        found['backlog'], = struct.unpack_from('=I', info, TCP_MAX_BACKLOG)
    return found


def describe(namespace, port, proto):
    """{'tcp 0100007F:0BB8 #0 backlog': 511, ...}: all there is to know, to be compared."""
    found, seen = {}, {}
    for table, address, inode in rows(namespace, port, proto):
        holders = sorted(_holders(inode))
        if not holders:  # gone meanwhile
            continue
        number = seen[table, address] = seen.get((table, address), -1) + 1
        with copy_socket(*holders[0]) as sock:
            what = _options(sock)
        # of children that come and go these are the same
        what['numbers'] = sorted({fd for _, fd in holders})
        what['flags'] = sorted({flags for pid, fd in holders for flags in _flags(pid, fd)})
        what['epoll'] = sorted({events for pid, _ in holders for events in _epoll(pid, inode)})
        found |= {f'{table} {address} #{number} {name}': value for name, value in what.items()}
    return found
