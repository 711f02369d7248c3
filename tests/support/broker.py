# SPDX-License-Identifier: MIT
"""Brokers that a test starts by hand."""

import os
import re
import signal
import socket
import subprocess
import tempfile

from support import wire
from support.wait import wait_until

# what AddressSanitizer, UBSan, LeakSanitizer and ThreadSanitizer begin their reports with
SANITIZER = re.compile(r'(ERROR|WARNING): \w+Sanitizer|: runtime error: ')


def program(build):
    """The broker of this build, or of another one: a library for musl has none with it."""
    return os.environ.get('XSOCKET_SERVER') or str(build / 'server/xsocket-server')


class Broker:
    """A running xsocket-server, which tells of its doings by sd_notify(3).

    Where the test makes it end, `expected` is the status it must then have ended with.
    """

    def __init__(self, build, *args, server=None, wrap=lambda argv: argv, env=None, expected=None):
        self.server = server
        self.expected = expected
        self.directory = tempfile.mkdtemp(prefix='broker.')
        os.chmod(self.directory, 0o777)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.notify.bind(f'{self.directory}/notify')
        os.chmod(f'{self.directory}/notify', 0o777)
        self.notify.setblocking(False)
        self.notified = []
        environment = os.environ | {'NOTIFY_SOCKET': f'{self.directory}/notify'} | (env or {})
        argv = [program(build), *map(str, args)]
        if server is not None:
            argv.append(str(server))
        with open(f'{self.directory}/stderr', 'wb') as stderr:
            self.process = subprocess.Popen(wrap(argv), stderr=stderr, env=environment)
        self.pid = self.process.pid
        self.wait_notified('READY=1')

    @property
    def log(self):
        """What it has written to stderr so far."""
        with open(f'{self.directory}/stderr', encoding='utf-8', errors='replace') as stderr:
            return stderr.read()

    def _listen(self):
        """Takes in the notifications that have arrived."""
        try:
            while True:
                self.notified += self.notify.recv(65536).decode().splitlines()
        except BlockingIOError:
            return self.notified

    def wait_notified(self, line, count=1):
        """Waits until it has said so that many times."""
        def said_or_died():
            dead = self.process.poll() is not None
            return self._listen().count(line) >= count or dead

        wait_until(said_or_died, what=lambda: f'{line} of the broker, which said: {self.log}')
        assert self.notified.count(line) >= count, \
            f'the broker ended with {self.process.returncode}: {self.log}'

    def fds(self):
        """Its descriptors, as /proc tells them: {number: what}."""
        base, found = f'/proc/{self.pid}/fd', {}
        for number in os.listdir(base):
            try:
                found[int(number)] = os.readlink(f'{base}/{number}')
            except FileNotFoundError:  # closed since
                pass
        return found

    def reload(self):
        ready = self._listen().count('READY=1')
        self.process.send_signal(signal.SIGHUP)
        self.wait_notified('READY=1', ready + 1)

    def wait(self, timeout=20):
        """Its exit status, once it ends by itself."""
        return self.process.wait(timeout)

    def stop(self):
        """Ends it, and fails the test if it has not been well."""
        early = self.process.poll()
        if early is None:
            self.process.terminate()
            self.expected = self.expected or 0
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = 'nothing within 20 s of SIGTERM'
        if self.notify.fileno() >= 0:
            self._listen()
            self.notify.close()
        assert not SANITIZER.search(self.log), self.log
        assert status == self.expected, \
            f'the broker ended {"by itself " if early is not None else ""}with {status}: {self.log}'

    def connect(self, timeout=10):
        return wire.Connection(self.server, timeout)

    def ask(self, *args):
        return wire.ask(self.server, *args)


class Vpn:
    """A namespace with a broker in it: what most tests need. As Namespace, and more."""

    def __init__(self, namespace, broker):
        self.namespace, self.broker, self.server = namespace, broker, broker.server

    def __getattr__(self, name):
        return getattr(self.namespace, name)


def run(build, *args, **kwargs):
    """The command, run to its end: for calls that do not serve."""
    kwargs = {'capture_output': True, 'text': True, 'timeout': 20} | kwargs
    result = subprocess.run([program(build), *map(str, args)], **kwargs)
    assert not SANITIZER.search(result.stderr), result.stderr
    return result
