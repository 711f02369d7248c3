# SPDX-License-Identifier: MIT
"""Programs as they are packaged, under libxbind.so, outside the namespace that they listen in."""

import contextlib
import os
import signal
import socket
import subprocess

from support.broker import SANITIZER
from support.wait import wait_until

PATIENCE = 60  # seconds: a Java machine starts slowly where others are at work


class Program:
    """One that runs outside of the namespace `there`."""

    def __init__(self, argv, env, there, here, directory, stdin):
        self.there, self.here = there, here
        self.moved = []
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

    def wait_listening(self, where, port, proto, v4, v6, never):
        """Waits until exactly that many sockets of it are in a namespace, and none in another."""
        def settled():
            return (listening(where, port, proto) == (v4, v6) or self.ended
                    or listening(never, port, proto) != (0, 0))

        wait_until(settled, PATIENCE,
                   lambda: f'{v4} IPv4 and {v6} IPv6 sockets on {proto} port {port} of '
                           f'{where.name}: {listening(where, port, proto)}: {self.said}')
        assert not self.ended, f'ended with {self.process.returncode}: {self.said}'
        assert listening(never, port, proto) == (0, 0), self.said

    def wait_moved(self, port, proto='tcp', v4=0, v6=0):
        """Waits until it listens in the other namespace, and sees that it does not in its own."""
        self.wait_listening(self.there, port, proto, v4, v6, never=self.here)
        self.moved.append((port, proto))
        assert refused(self.here, port, '127.0.0.1', proto)
        assert refused(self.here, port, '::1', proto)

    def wait_stayed(self, port, proto='tcp', v4=0, v6=0):
        self.wait_listening(self.here, port, proto, v4, v6, never=self.there)

    def stop(self, signum=signal.SIGTERM, status=0):
        """It ends by a signal, in the way it always does, and nobody listens any more."""
        assert not self.ended, self.said
        self.process.send_signal(signum)
        self.wait_ended(status)

    def wait_ended(self, status=0):
        assert self.process.wait(PATIENCE) == status, self.said
        assert 'libxbind' not in self.said and not SANITIZER.search(self.said), self.said
        for port, proto in self.moved:
            # a worker may live on for a moment
            wait_until(lambda: listening(self.there, port, proto) == (0, 0), PATIENCE,
                       f'the end of {proto} port {port}')

    def end(self):
        """Whatever has happened: nothing of it is left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def listening(namespace, port, proto='tcp'):
    """How many IPv4 and how many IPv6 sockets of a namespace listen on a port."""
    counts = []
    with namespace.entered():
        for table in (proto, f'{proto}6'):
            with open(f'/proc/thread-self/net/{table}', encoding='ascii') as lines:
                rows = [line.split() for line in list(lines)[1:]]
            # TCP_LISTEN, or for UDP TCP_CLOSE: not connected
            counts.append(sum(int(row[1].rpartition(':')[2], 16) == port
                              and row[3] == ('0A' if proto == 'tcp' else '07') for row in rows))
    return tuple(counts)


def refused(namespace, port, host, proto='tcp'):
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if proto == 'udp' else socket.SOCK_STREAM
    with namespace.socket(family, kind) as sock:
        sock.settimeout(PATIENCE)
        try:
            sock.connect((host, port))
            sock.send(b'?')
            sock.recv(1)
        except ConnectionRefusedError:
            return True
    return False


def talk(namespace, port, request, host='127.0.0.1', proto='tcp', enough=None):
    """What is answered to a request: until the server closes, or until there is enough of it."""
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if proto == 'udp' else socket.SOCK_STREAM
    answer = b''
    with namespace.socket(family, kind) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((host, port))
        sock.sendall(request)
        while enough is None or len(answer) < enough:
            part = sock.recv(65536)
            answer += part
            if not part or proto == 'udp':
                break
    return answer


def http(namespace, port, host='127.0.0.1', path='/'):
    answer = talk(namespace, port, f'GET {path} HTTP/1.0\r\n\r\n'.encode(), host)
    status, _, rest = answer.decode().partition('\r\n')
    assert status.split()[1] == '200', answer
    return rest.partition('\r\n\r\n')[2]
