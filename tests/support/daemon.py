# SPDX-License-Identifier: MIT
"""Programs of this project that serve until a test ends them."""

import os
import re
import signal
import socket
import subprocess
import tempfile

from support.wait import wait_until

# what AddressSanitizer, UBSan, LeakSanitizer and ThreadSanitizer begin their reports with
SANITIZER = re.compile(r'(ERROR|WARNING): \w+Sanitizer|: runtime error: ')


class Daemon:
    """A running program, which tells of its doings by sd_notify(3).

    Where the test makes it end, `expected` is the status it must then have ended with. Keyword
    arguments that are not named here go to subprocess.Popen.
    """

    what = 'daemon'

    def __init__(self, argv, wrap=lambda argv: argv, env=None, expected=None, **popen):
        self.expected = expected
        self.directory = tempfile.mkdtemp(prefix=f'{self.what}.')
        os.chmod(self.directory, 0o777)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.notify.bind(f'{self.directory}/notify')
        os.chmod(f'{self.directory}/notify', 0o777)
        self.notify.setblocking(False)
        self.notified = []
        environment = os.environ | {'NOTIFY_SOCKET': f'{self.directory}/notify'} | (env or {})
        with open(f'{self.directory}/stderr', 'wb') as stderr:
            self.process = subprocess.Popen(wrap([str(arg) for arg in argv]), stderr=stderr,
                                            env=environment, **popen)
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

        wait_until(said_or_died, what=lambda: f'{line} of the {self.what}, which said: {self.log}')
        assert self.notified.count(line) >= count, \
            f'the {self.what} ended with {self.process.returncode}: {self.log}'

    def status(self):
        """The last STATUS= that it has told the service manager."""
        texts = [line.removeprefix('STATUS=') for line in self._listen()
                 if line.startswith('STATUS=')]
        return texts[-1] if texts else ''

    def wait_log(self, text, count=1, timeout=10):
        """Waits until that has been in its log so many times."""
        wait_until(lambda: self.log.count(text) >= count, timeout,
                   what=lambda: f'"{text}" in the log of the {self.what}: {self.log}')

    def fds(self):
        """Its descriptors, as /proc tells them: {number: what}."""
        base, found = f'/proc/{self.pid}/fd', {}
        for number in os.listdir(base):
            try:
                found[int(number)] = os.readlink(f'{base}/{number}')
            except FileNotFoundError:  # closed since
                pass
        return found

    def send_signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        ready = self._listen().count('READY=1')
        self.send_signal(signal.SIGHUP)
        self.wait_notified('READY=1', ready + 1)

    def drain(self):
        """Tells it to end, as stop() does: when that tells it again, it does not wait for anybody."""
        self.send_signal(signal.SIGTERM)
        self.expected = self.expected or 0
        self.wait_notified('STOPPING=1')

    def wait(self, timeout=20):
        """Its exit status, once it ends by itself."""
        return self.process.wait(timeout)

    def _end(self):
        """Asks it to end. Returns its status, or what is wrong."""
        if self.process.poll() is None:
            self.process.terminate()
            self.expected = self.expected or 0
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return 'nothing within 20 s of SIGTERM'

    def stop(self):
        """Ends it, and fails the test if it has not been well."""
        early = self.process.poll()
        status = self._end()
        if self.notify.fileno() >= 0:
            self._listen()
            self.notify.close()
        assert not SANITIZER.search(self.log), self.log
        assert status == self.expected, \
            f'the {self.what} ended {"by itself " if early is not None else ""}with {status}: ' \
            f'{self.log}'


def run(argv, **kwargs):
    """The command, run to its end: for calls that do not serve."""
    kwargs = {'capture_output': True, 'text': True, 'timeout': 20} | kwargs
    result = subprocess.run([*map(str, argv)], **kwargs)
    assert not SANITIZER.search(result.stderr), result.stderr
    return result
