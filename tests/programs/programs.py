# SPDX-License-Identifier: MIT
"""Programs as they are packaged, and what they answer."""

import contextlib
import os
import re
import signal
import socket
import subprocess

from sockets import describe, listening
from support.daemon import SANITIZER
from support.matrix import PATIENCE
from support.wait import wait_until


class Program:
    """One that is to listen in the namespace `there`, and not in `home` where that differs."""

    def __init__(self, argv, env, there, home, directory, stdin=b''):
        self.there, self.home = there, home
        self.ports, self.sockets = [], {}
        self.directory = directory
        self.output = directory / 'output'
        (directory / 'input').write_bytes(stdin)
        with open(self.output, 'wb') as output, open(directory / 'input', 'rb') as given:
            # leads a group, so that its workers can be ended with it
            self.process = subprocess.Popen(
                list(map(str, argv)), env=env, cwd=directory, stdin=given, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True)

    @property
    def ended(self):
        return self.process.poll() is not None

    @property
    def said(self):
        return self.output.read_text(encoding='utf-8', errors='replace')

    @property
    def log(self):
        """The different lines that it said, without what differs from run to run."""
        text = self.said.replace(str(self.directory.parent), 'DIR')
        text = re.sub(r'0x[0-9a-f]+|[0-9]+', '0', text)
        return sorted(set(text.splitlines()))

    def wait_said(self, text):
        wait_until(lambda: text in self.said or self.ended, PATIENCE, lambda: self.said)
        assert text in self.said

    def _wait_listening(self, where, port, proto, v4, v6, never):
        """Waits until exactly that many sockets of it are in a namespace, and none in another."""
        def settled():
            return (listening(where, port, proto) == (v4, v6) or self.ended
                    or never and listening(never, port, proto) != (0, 0))

        wait_until(settled, PATIENCE,
                   lambda: f'{v4} IPv4 and {v6} IPv6 sockets on {proto} port {port} of '
                           f'{where.name}: {listening(where, port, proto)}: {self.said}')
        assert not self.ended, f'ended with {self.process.returncode}: {self.said}'
        assert not never or listening(never, port, proto) == (0, 0), self.said

    def wait_listening(self, port, proto='tcp', v4=0, v6=0):
        """Waits until it listens where it is to, and sees that it does not anywhere else."""
        never = self.home if self.home is not self.there else None
        self._wait_listening(self.there, port, proto, v4, v6, never)
        self.ports.append((port, proto))
        if never:
            assert refused(never, port, '127.0.0.1', proto)
            assert refused(never, port, '::1', proto)

    def wait_stayed(self, port, proto='tcp', v4=0, v6=0):
        """The same for a port that no rule lists."""
        never = self.there if self.home is not self.there else None
        self._wait_listening(self.home, port, proto, v4, v6, never)

    def look(self):
        """Keeps what there is to know of its sockets."""
        for port, proto in self.ports:
            self.sockets |= describe(self.there, port, proto)
        assert self.sockets or not self.ports

    def stop(self, signum=signal.SIGTERM, status=0):
        """It ends by a signal, in the way it always does, and nobody listens any more."""
        assert not self.ended, self.said
        self.look()
        self.process.send_signal(signum)
        return self.wait_ended(status)

    def wait_ended(self, status=0):
        """With this exit status, or with one of those that it may be."""
        ended = self.process.wait(PATIENCE)
        assert ended in (status if isinstance(status, tuple) else (status,)), self.said
        assert 'libxbind' not in self.said and not SANITIZER.search(self.said), self.said
        for port, proto in self.ports:
            # a worker may live on for a moment
            wait_until(lambda: listening(self.there, port, proto) == (0, 0), PATIENCE,
                       f'the end of {proto} port {port}')
        return ended

    def end(self):
        """Whatever has happened: nothing of it is left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def client(namespace, port, host='127.0.0.1', proto='tcp'):
    """A socket that is connected to a server inside, and waits for it with patience."""
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if proto == 'udp' else socket.SOCK_STREAM
    sock = namespace.socket(family, kind)
    sock.settimeout(PATIENCE)
    try:
        sock.connect((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def refused(namespace, port, host, proto='tcp'):
    try:
        with client(namespace, port, host, proto) as sock:
            sock.send(b'?')
            sock.recv(1)
    except ConnectionRefusedError:
        return True
    return False


def receive(sock, size):
    """Exactly that many bytes, or what there is until the end."""
    answer = b''
    while len(answer) < size:
        part = sock.recv(size - len(answer))
        if not part:
            break
        answer += part
    return answer


def talk(namespace, port, request, host='127.0.0.1', proto='tcp', enough=None):
    """What is answered to a request: until the server closes, or until there is enough of it."""
    answer = b''
    with client(namespace, port, host, proto) as sock:
        sock.sendall(request)
        while enough is None or len(answer) < enough:
            part = sock.recv(65536)
            answer += part
            if not part or proto == 'udp':
                break
    return answer


def greet(namespace, port):
    """What a server answers that echoes lines and datagrams, behind where they are from."""
    for proto in ('tcp', 'udp'):
        answer = talk(namespace, port, b'hello\n', proto=proto)
        assert answer == f'{proto} 127.0.0.1 hello\n'.encode()
        yield answer


def http(namespace, port, host='127.0.0.1', path='/'):
    """The body of a page. Some servers leave the connection open, and say how long it is."""
    with client(namespace, port, host) as sock:
        sock.sendall(f'GET {path} HTTP/1.0\r\nConnection: close\r\n\r\n'.encode())
        head, body = b'', b''
        while b'\r\n\r\n' not in head:
            part = sock.recv(65536)
            assert part, head
            head += part
        head, _, body = head.partition(b'\r\n\r\n')
        assert head.split()[1] == b'200', head
        length = re.search(rb'(?i)\ncontent-length: *(\d+)', head)
        body += receive(sock, int(length[1]) - len(body) if length else 2 ** 30)
    return body.decode()
