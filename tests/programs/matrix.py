# SPDX-License-Identifier: MIT
"""The matrix of programs: each is tried twice, bare inside a namespace and under libxbind outside.

A test is a generator that starts a program, talks to it, and yields what came of it:

    @row('redis', 'PING over IPv4', version='--version')
    def test_redis(side):
        redis = side.start([require('redis-server'), '--port', '3000'], '3000')
        redis.wait_listening(3000, v4=1)
        yield talk(side.there, 3000, b'PING\\r\\n', enough=7)
        yield redis.stop()

It runs with two sides, and must yield the same on both. So must be what the kernel knows of the
sockets, and the lines that the program wrote.
"""

import pathlib
import tempfile

from programs import Program
from support.matrix import Started, differences
from support.users import as_user

FILES = pathlib.Path(__file__).resolve().parent


class Side:
    """Where a program runs (`home`), where it is to listen (`there`), and with what around it."""

    files = FILES

    def __init__(self, name, there, home, directory, environment, request):
        self.name, self.there, self.home = name, there, home
        self.directory, self.request = directory, request
        self._environment = environment
        self.started, self.first = [], None
        directory.mkdir(mode=0o755)

    @property
    def bare(self):
        return self.home is self.there

    def start(self, argv, rules, stdin=b'', user=None, **variables):
        """A program that has been started under these rules, as (uid, gid) where that is said."""
        directory = self.directory / str(len(self.started))
        directory.mkdir()
        command = as_user(argv, *user) if user else argv
        if self.bare:
            command = self.there.enter(command)
        program = Program(command, self._environment(rules, **variables), self.there, self.home,
                          directory, stdin)
        self.first = self.first or Started(argv, directory, self.there.enter)
        self.started.append(program)
        return program

    @property
    def ports(self):
        return sorted({f'{proto} {port}' for each in self.started for port, proto in each.ports})

    def fixture(self, name):
        return self.request.getfixturevalue(name)

    def end(self):
        for program in self.started:
            program.end()


def open_to_all(directory):
    """Lets other users get at a temporary directory."""
    for each in (directory, *directory.parents):
        if each == pathlib.Path(tempfile.gettempdir()):
            break
        each.chmod(0o755)


def compare(row, sides):
    """Fails where somebody could tell the difference."""
    for bare, moved in zip(*(side.started for side in sides)):
        found = {name: values for name, values in differences(bare.sockets, moved.sockets).items()
                 if not name.endswith(row.but)}
        assert found == {}, 'name: (bare, libxbind)'
        if row.log:
            assert moved.log == bare.log, 'libxbind == bare'
