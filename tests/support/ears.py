# SPDX-License-Identifier: MIT
"""Servers where nobody may come: they tell who came all the same, and answer something wrong.

Those of the network listen on ports of all addresses of a namespace. Those of names are this
machine's services that look names up, which a program finds by a path: nscd, systemd-resolved,
avahi, sssd, D-Bus.
"""

import contextlib
import os
import selectors
import socket
import struct
import threading

WRONG_PAGE = b'HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\noutside\n'
# what a name comes to that is asked for outside
WRONG = '192.0.2.66'
WRONG_ADDRESS = {1: socket.inet_pton(socket.AF_INET, WRONG),
                 28: socket.inet_pton(socket.AF_INET6, '2001:db8::1')}
SERVICES = ['/run/nscd/socket', '/run/systemd/resolve/io.systemd.Resolve',
            '/run/avahi-daemon/socket', '/var/lib/sss/pipes/nss', '/run/dbus/system_bus_socket']
# Of nscd's requests (int32 version, request, length) those about hosts and addresses: nscd asks for
# users and groups, too, which are this machine's, and no name of the network.
NSCD_HOSTS = {4, 5, 6, 7, 13, 14}


def question(message):
    """(name, type, where it ends) of a DNS message."""
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode('ascii', 'replace'))
        at += 1 + message[at]
    kind, = struct.unpack_from('!H', message, at + 1)
    return '.'.join(labels), kind, at + 5


def wrong_answer(message):
    """An answer to a DNS message: an address of an ear."""
    with contextlib.suppress(IndexError, struct.error):
        _, kind, end = question(message)
        address = WRONG_ADDRESS.get(kind, b'')
        record = struct.pack('!3HIH', 0xc00c, kind, 1, 60, len(address)) + address
        return message[:2] + struct.pack('!5H', 0x8180, 1, bool(address), 0, 0) \
            + message[12:end] + (record if address else b'')
    return b'?'


def is_about_users(name, said):
    return name.startswith('/run/nscd') and len(said) >= 8 \
        and struct.unpack_from('=i', said, 4)[0] not in NSCD_HOSTS


class Ears:
    """What is heard is a list of texts, each once per contact."""

    def __init__(self, namespace, tcp, udp, services=()):
        self._heard, self._ended, self._caught_up = [], False, threading.Event()
        self._selector = selectors.DefaultSelector()
        self._wake, woken = socket.socketpair()
        self._selector.register(woken, selectors.EVENT_READ, self._woken)
        for port in tcp:
            self._listen(namespace.socket(socket.AF_INET6), ('::', port), f'tcp {port}')
        for port in udp:
            sock = namespace.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            sock.bind(('::', port))
            self._selector.register(sock, selectors.EVENT_READ, self._datagram)
        for path in services:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            self._listen(socket.socket(socket.AF_UNIX), path, path)
            os.chmod(path, 0o666)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _listen(self, sock, address, name):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(64)
        self._selector.register(sock, selectors.EVENT_READ, lambda of: self._accept(of, name))

    def _run(self):
        while not self._ended:
            self._attend(None)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()

    def _attend(self, seconds):
        events = self._selector.select(seconds)
        for key, _ in events:
            key.data(key.fileobj)
        return events

    def _woken(self, sock):
        """Asked whether all that has happened was heard, or, by its closing, to end."""
        self._selector.unregister(sock)
        self._ended = not sock.recv(1)
        while not self._ended and self._attend(0):
            pass
        self._caught_up.set()
        self._selector.register(sock, selectors.EVENT_READ, self._woken)

    def _accept(self, listener, name):
        sock, _ = listener.accept()
        if name not in SERVICES:
            self._heard.append(f'{name}: connected')
        self._selector.register(sock, selectors.EVENT_READ, lambda of: self._said(of, name))

    def _said(self, sock, name):
        """One answer, which is wrong, and the end."""
        with sock, contextlib.suppress(OSError):
            self._selector.unregister(sock)
            said = sock.recv(4096)
            if not is_about_users(name, said):
                self._heard.append(f'{name}: {said[:200]!r}')
            if name == 'tcp 53' and len(said) > 14:
                answer = wrong_answer(said[2:])
                sock.sendall(struct.pack('!H', len(answer)) + answer)
            elif name.startswith('tcp'):
                sock.sendall(WRONG_PAGE)

    def _datagram(self, sock):
        said, sender = sock.recvfrom(4096)
        port = sock.getsockname()[1]
        self._heard.append(f'udp {port}: {said[:200]!r}')
        with contextlib.suppress(OSError):
            sock.sendto(wrong_answer(said) if port == 53 else b'outside\n', sender)

    def heard(self):
        """All since the last time."""
        self._caught_up.clear()
        self._wake.send(b'.')
        assert self._caught_up.wait(20)
        heard, self._heard = self._heard, []
        return heard

    def close(self):
        self._wake.close()
        self._thread.join()
