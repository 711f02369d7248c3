# SPDX-License-Identifier: MIT
"""Servers that say who they are, and their clients."""

import contextlib
import socket
import threading

from support import streams


class Greeter:
    """Says its name to everybody, then sends back what it is sent."""

    def __init__(self, namespace, name, address):
        self.name, self.address = name, address
        self.listener = streams.listen(namespace, address, backlog=1024)
        self.listener.settimeout(None)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock, contextlib.suppress(OSError):
            sock.sendall(self.name.encode())
            while piece := sock.recv(65536):
                sock.sendall(piece)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Client:
    """A connection to a greeter; `server` is who that is, '' if it ended before that was told."""

    def __init__(self, namespace, address):
        self.sock = streams.connect(namespace, address)
        try:
            self.server = self.sock.recv(64).decode()
        except OSError:
            self.sock.close()
            raise

    def works(self):
        self.sock.sendall(b'still there?')
        return streams.read_exactly(self.sock, 12) == b'still there?'

    def ended(self):
        """Whether it was closed or reset."""
        try:
            return self.sock.recv(1, socket.MSG_DONTWAIT) == b''
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def close(self):
        self.sock.close()


def greeting(namespace, address):
    """Who answers there; or how it failed: 'refused', 'reset'."""
    try:
        with contextlib.closing(Client(namespace, address)) as client:
            return client.server
    except ConnectionRefusedError:
        return 'refused'
    except ConnectionResetError:
        return 'reset'
