# SPDX-License-Identifier: MIT
"""Network namespaces: being in one, and looking at what goes on there."""

import contextlib
import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
import subprocess

from support import wire
from support.wait import wait_until

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # netdevice(7)
RTF_LOCAL = 0x80000000  # linux/ipv6_route.h


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


def _local_addresses():
    """Those of IPv6 that have routes, in hexadecimal."""
    with open('/proc/thread-self/net/ipv6_route', encoding='ascii') as routes:
        return {fields[0] for fields in map(str.split, routes) if int(fields[8], 16) & RTF_LOCAL}


class Namespace:
    """A named network namespace, as ip-netns(8) makes them, with its loopback interface up."""

    def __init__(self, name):
        self.name = name
        self.path = f'/run/netns/{name}'
        self.create()

    def create(self):
        subprocess.run(['ip', 'netns', 'add', self.name], check=True)
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack('16sH22x', b'lo', IFF_UP))

    def delete(self):
        subprocess.run(['ip', 'netns', 'delete', self.name], check=True)

    def enter(self, argv):
        """argv, run inside. Not by "ip netns exec", which also mounts another /sys."""
        return ['nsenter', f'--net={self.path}', '--', *map(str, argv)]

    def run(self, argv, **kwargs):
        kwargs = {'check': True, 'timeout': 60, 'text': True} | kwargs
        return subprocess.run(self.enter(argv), **kwargs)

    def popen(self, argv, **kwargs):
        return subprocess.Popen(self.enter(argv), **kwargs)

    @contextlib.contextmanager
    def entered(self):
        """This thread is inside for as long as that lasts."""
        with open('/proc/thread-self/ns/net', 'rb') as before, open(self.path, 'rb') as inside:
            _setns(inside.fileno())
            try:
                yield
            finally:
                _setns(before.fileno())

    def socket(self, *args, **kwargs):
        with self.entered():
            return socket.socket(*args, **kwargs)

    def cookie(self):
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            return wire.netns_cookie(sock)

    def await_addresses(self, *hosts):
        """Until what is sent to these addresses of IPv6 arrives: "ip address add" does not wait for
        their routes, and a socket that is connected before keeps another one (addrconf_dad_work(),
        Linux 6.18)."""
        wanted = {ipaddress.ip_address(host).packed.hex() for host in hosts}
        with self.entered():
            wait_until(lambda: wanted <= _local_addresses())

    def connect(self, port, host='127.0.0.1', timeout=10):
        with self.entered():
            return socket.create_connection((host, port), timeout)

    def listening(self, port, proto='tcp'):
        with self.entered():
            return listening(port, proto)

    def fetch(self, port, request=b'GET / HTTP/1.0\r\n\r\n', host='127.0.0.1'):
        """What a TCP server inside sends back until it closes."""
        with self.connect(port, host) as sock:
            sock.sendall(request)
            return b''.join(iter(lambda: sock.recv(65536), b''))


class Here(Namespace):
    """The namespace that the tests are in."""

    def __init__(self):
        self.name = 'here'
        self.path = f'/proc/{os.getpid()}/ns/net'


def listening(port, proto='tcp'):
    """Whether a socket of this thread's namespace is bound to the port (and for TCP, listens)."""
    for family in ('', '6'):
        with contextlib.suppress(FileNotFoundError), \
                open(f'/proc/thread-self/net/{proto}{family}', encoding='ascii') as table:
            for line in list(table)[1:]:
                _, local, _, state, *_ = line.split()
                if int(local.rpartition(':')[2], 16) == port and (proto != 'tcp' or state == '0A'):
                    return True
    return False
