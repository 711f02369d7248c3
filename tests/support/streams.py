# SPDX-License-Identifier: MIT
"""Streams: their two ends, what goes over them, and how they end."""

import contextlib
import errno
import fcntl
import functools
import os
import random
import select
import socket
import struct
import threading

from support.wait import wait_until

PATIENCE = 20

SIOCATMARK, SIOCINQ = 0x8905, 0x541B
TCP_SAVE_SYN, TCP_SAVED_SYN = 27, 28  # linux/tcp.h


def address(text):
    """An endpoint, as the bridge's command line has it: (family, address)."""
    kind, _, rest = text.partition(':')
    if kind == 'unix':
        return socket.AF_UNIX, '\0' + rest[1:] if rest.startswith('@') else rest
    host, _, port = rest.rpartition(':')
    host = host.strip('[]')
    return (socket.AF_INET6 if ':' in host else socket.AF_INET), (host, int(port))


def listen(namespace, text, backlog=128, options=()):
    """A socket of a namespace that listens there; options: (level, name, value) for it."""
    family, where = address(text)
    sock = namespace.socket(family, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for option in options:
        sock.setsockopt(*option)
    if family == socket.AF_UNIX and where[0] != '\0' and os.path.exists(where):
        os.unlink(where)
    sock.bind(where)
    sock.listen(backlog)
    return sock


def client(namespace, text, source=None, options=()):
    """A socket that is not connected yet, and what to connect it to."""
    family, where = address(text)
    sock = namespace.socket(family, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    for option in options:
        sock.setsockopt(*option)
    if source:
        sock.bind((source, 0))
    return sock, where


def connect(namespace, text, source=None, options=()):
    """A connected socket of a namespace; options are set before it connects."""
    sock, where = client(namespace, text, source, options)
    try:
        sock.connect(where)
    except OSError:
        sock.close()
        raise
    return sock


def attended(namespace, where, listener, source=None):
    """A new client and the server's side of it; or None, as it was reset instead."""
    try:
        sock = connect(namespace, where, source)
    except ConnectionResetError:
        return None
    wait_until(lambda: readable(sock, 0) or readable(listener, 0), PATIENCE, 'a server or an end')
    if readable(listener, 0):
        server, _ = listener.accept()
        server.settimeout(PATIENCE)
        return sock, server
    with sock:
        assert ending(sock) == (b'', 'ECONNRESET')
    return None


def passes(near, where, far, target):
    """Whether a client that connects there reaches a server that listens at the target."""
    with listen(far, target) as listener:
        pair = attended(near, where, listener)
        if not pair:
            return False
        with pair[0] as sock, pair[1] as server:
            sock.sendall(b'there')
            assert read_exactly(server, 5) == b'there'
            server.sendall(b'back')
            assert read_exactly(sock, 4) == b'back'
            return True


class Task(threading.Thread):
    """A call that goes on beside the test."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.call = functools.partial(function, *args)
        self.value = self.error = None
        self.start()

    def run(self):
        try:
            self.value = self.call()
        except BaseException as error:
            self.error = error

    def result(self, timeout=PATIENCE):
        self.join(timeout)
        assert not self.is_alive(), f'{self.call} did not end within {timeout} s'
        if self.error:
            raise self.error
        return self.value


@functools.lru_cache(maxsize=8)
def data(size, seed=0):
    """Bytes of which no part is like another."""
    return random.Random(seed).randbytes(size)


def first_difference(one, other):
    """Where the first byte is that differs; None: there is none."""
    if one == other:
        return None
    return next((at for at, pair in enumerate(zip(one, other)) if pair[0] != pair[1]),
                min(len(one), len(other)))


def read_exactly(sock, size):
    received = bytearray()
    while len(received) < size:
        piece = sock.recv(min(size - len(received), 1 << 18))
        assert piece, f'ended after {len(received)} of {size} bytes'
        received += piece
    return bytes(received)


def read_all(sock, size=1 << 18):
    """Everything until the other side's end, at most that much at a time. An error is raised."""
    received = bytearray()
    while piece := sock.recv(size):
        received += piece
    return bytes(received)


def ending(sock):
    """(what still came, how it ended): 'EOF', or the errno as 'ECONNRESET'."""
    received = bytearray()
    try:
        while piece := sock.recv(1 << 18):
            received += piece
    except OSError as error:
        return bytes(received), errno.errorcode.get(error.errno, str(error))
    return bytes(received), 'EOF'


def end_of_connecting(namespace, text, source=None):
    """As ending(), of a new client. It may hear of its end before it knows that it is connected."""
    try:
        sock = connect(namespace, text, source)
    except OSError as error:
        return b'', errno.errorcode.get(error.errno, str(error))
    with sock:
        return ending(sock)


def error_of(sock):
    """Waits for a hang-up or an error, reading nothing; then the errno as 'ECONNRESET', or ''."""
    poll = select.poll()
    poll.register(sock, 0)
    assert poll.poll(PATIENCE * 1000), 'neither an error nor a hang-up'
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno.errorcode[number] if number else ''


def reset(sock):
    """Closes with RST: tcp(7), SO_LINGER with no time in socket(7)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def unread(sock):
    """How many bytes have come that were not read."""
    return struct.unpack('i', fcntl.ioctl(sock, SIOCINQ, bytes(4)))[0]


def readable(sock, seconds=PATIENCE):
    return bool(select.select([sock], [], [], seconds)[0])


def fill(sock, limit):
    """Sends until nothing goes any more for a third of a second; how many bytes went.

    Fails where more than `limit` do: somebody takes them all.
    """
    sent = 0
    while select.select([], [sock], [], 0.3)[1]:
        sent += sock.send(data(1 << 20)[sent % (1 << 20):])
        assert sent <= limit, 'the sender is not held back'
    return sent


def filled(size):
    """What fill() has sent."""
    return (data(1 << 20) * (size // (1 << 20) + 1))[:size]


def at_mark(sock):
    return struct.unpack('i', fcntl.ioctl(sock, SIOCATMARK, bytes(4)))[0] == 1


def _urgent(sock):
    """The urgent byte, or b'' if it was taken already or is not here yet. sock does not block."""
    try:
        return sock.recv(1, socket.MSG_OOB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EINVAL):
            raise
        return b''


def read_marked(sock, size=None):
    """(bytes, [(position, urgent byte), ...]) until the end, or until there are so many in all."""
    received, urgent, byte = bytearray(), [], b''
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLPRI)
    with sock.dup() as view:  # as another thread may be sending with the patience of `sock`
        view.settimeout(0)
        while size is None or len(received) + len(urgent) < size:
            if byte and at_mark(sock):
                urgent.append((len(received), byte))
                byte = b''
                continue
            assert poll.poll(PATIENCE * 1000), f'nothing after {len(received)} bytes, {urgent}'
            # the mark may be further on, or still that of the last one, until the byte is taken
            byte = _urgent(view) or byte
            if byte and at_mark(sock):
                continue
            with contextlib.suppress(BlockingIOError):
                piece = view.recv(1 << 16)
                if not piece:
                    break
                received += piece
    return bytes(received), urgent


def saved_syn(sock):
    """(type of service, TTL) of the SYN, or what IPv6 has; the listener has TCP_SAVE_SYN."""
    header = sock.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, 256)
    if header[0] >> 4 == 4:
        return header[1], header[8]
    return (header[0] & 15) << 4 | header[1] >> 4, header[7]
