# SPDX-License-Identifier: MIT
"""docs/PROTOCOL.md from the client's side, written a second time on purpose.

Nothing is hidden from a test: packets can be sent and received one by one, in any order.
"""

import array
import socket
import struct
import time

PLAIN_REQUEST, PLAIN_REPLY, EXTENDED = 0x58533031, 0x58533032, 0x58533033
VERSION = 1
OP_SOCKET, OP_RESOLVER, OP_DESCRIPTORS, OP_VERDICT = 1, 2, 0x80000001, 0x80000002
RESOLV_CONF, HOSTS, NSSWITCH = 1, 2, 3
BATCH_MAX = 253
LAST = 1
CPU_UNKNOWN = 0xFFFFFFFF

SO_COOKIE, SO_NETNS_COOKIE = 57, 71


def words(*values):
    return struct.pack(f'!{len(values)}I', *(v & 0xFFFFFFFF for v in values))


def unwords(packet):
    return struct.unpack(f'!{len(packet) // 4}I', packet)


def plain_request(domain=socket.AF_INET, type=socket.SOCK_STREAM, protocol=0):
    return words(PLAIN_REQUEST, domain, type, protocol)


def socket_request(domain=socket.AF_INET, type=socket.SOCK_STREAM, protocol=0, count=1, flags=0,
                   cpu=CPU_UNKNOWN, version=VERSION, opcode=OP_SOCKET, length=40):
    return words(EXTENDED, version, opcode, length, domain, type, protocol, count, flags, cpu)


def resolver_request(file=RESOLV_CONF, flags=0, cpu=CPU_UNKNOWN, version=VERSION,
                     opcode=OP_RESOLVER, length=28):
    return words(EXTENDED, version, opcode, length, file, flags, cpu)


def as_socket(fd):
    return socket.socket(fileno=fd)


def netns_cookie(sock):
    """Of the network namespace that a socket belongs to."""
    return struct.unpack('@Q', sock.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8))[0]


class Refused(OSError):
    """The broker answered with an errno."""


class Connection:
    """One connection to a broker."""

    def __init__(self, server, timeout=10):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(str(server))
        except OSError:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, packet, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        self.sock.sendmsg([packet], rights)

    def receive(self, wrap=as_socket):
        """One packet and its descriptors, as socket objects; b'' when the broker hung up."""
        space = socket.CMSG_SPACE(BATCH_MAX * array.array('i').itemsize)
        receive = lambda: self.sock.recvmsg(4096, space, socket.MSG_CMSG_CLOEXEC)
        try:
            packet, ancillary, _, _ = receive()
        except ConnectionResetError:
            # a request that was never read; what the broker had to say comes after that
            packet, ancillary, _, _ = receive()
        fds = array.array('i')
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        return packet, [wrap(fd) for fd in fds]

    def plain(self, *args):
        """One socket, asked for as xsocket 1.2 does."""
        self.send(plain_request(*args))
        packet, socks = self.receive()
        if not packet:
            raise EOFError('the broker hung up')
        magic, error = unwords(packet)
        assert magic == PLAIN_REPLY and len(packet) == 8, packet
        assert len(socks) == (0 if error else 1), f'{len(socks)} sockets with errno {error}'
        if error:
            raise Refused(error, 'plain request')
        return socks[0]

    def answer(self, wrap=as_socket):
        """The rest of an extended exchange: errno, sockets, highest version spoken."""
        packet, socks = self.receive(wrap)
        if not packet:
            raise EOFError('the broker hung up')
        magic, _, opcode, length, *body = unwords(packet)
        assert magic == EXTENDED and length == len(packet), packet
        if opcode == OP_DESCRIPTORS:
            assert body == [len(socks)] and socks
            packet, more = self.receive()
            magic, _, opcode, length, *body = unwords(packet)
            assert not more
        assert opcode == OP_VERDICT and len(body) == 3, packet
        error, count, highest = body
        assert count == len(socks) and (error == 0) == (count > 0)
        return error, socks, highest

    def sockets(self, count=1, *args, **kwargs):
        """That many sockets, asked for as this project's library does."""
        self.send(socket_request(*args, count=count, **kwargs))
        error, socks, _ = self.answer()
        if error:
            raise Refused(error, 'socket request')
        assert len(socks) == count
        return socks

    def file(self, file=RESOLV_CONF, **kwargs):
        """A file for resolvers: its descriptor."""
        self.send(resolver_request(file, **kwargs))
        error, fds, _ = self.answer(wrap=int)
        if error:
            raise Refused(error, 'resolver request')
        assert len(fds) == 1
        return fds[0]

    def hung_up(self):
        """Whether the broker has closed the connection; any answer before that is dropped."""
        end = time.monotonic() + self.sock.gettimeout()
        while time.monotonic() < end:
            packet, socks = self.receive()
            for sock in socks:
                sock.close()
            if not packet:
                return True
        return False


def ask(server, *args):
    """One socket by one plain request on one connection."""
    with Connection(server) as connection:
        return connection.plain(*args)
