# SPDX-License-Identifier: MIT
"""The matrix of programs that ask servers: each is tried twice, bare inside a namespace and under
libxredirect outside.

A test is a generator that runs a program, and yields what came of it:

    @row('wget', 'a page by a name')
    def test_wget(side):
        side.server(Web)
        yield side.run([require('wget'), '-q', '-O', '-', 'http://web.example/'])

It runs with two sides, and must yield the same on both. So must be the ports to which packets were
sent inside. Outside nothing may have been seen or heard.
"""

import pathlib
import subprocess

from support.matrix import PATIENCE, Started

FILES = pathlib.Path(__file__).resolve().parent


class Side:
    """How a program runs: inside, or outside under the library; what was sent inside meanwhile."""

    files = FILES

    def __init__(self, name, world, directory, environment, request):
        self.name, self.world = name, world
        self.directory, self.request = directory, request
        self.environment = environment
        self.first = None
        directory.mkdir()
        self._sent = []
        world.inside.packets()

    def command(self, argv, **variables):
        """For subprocess: what starts a program on this side."""
        self.first = self.first or Started(argv, self.directory, self.world.enter)
        return {'args': self.world.enter(argv) if self.name == 'bare' else list(map(str, argv)),
                'env': self.environment | {'HOME': str(self.directory)} | variables,
                'cwd': self.directory}

    def run(self, argv, stdin='', **variables):
        """What it says, in stdout and stderr, once it has ended well."""
        result = subprocess.run(**self.command(argv, **variables), input=stdin, check=False,
                                capture_output=True, timeout=PATIENCE, text=True, errors='replace')
        said = f'{result.stdout}\n-- stderr:\n{result.stderr}'
        assert result.returncode == 0, f'{result.returncode}: {said}'
        assert 'libxredirect' not in said, said
        return said.replace(str(self.directory), 'DIR')

    def server(self, kind):
        return self.world.server(kind)

    def fixture(self, name):
        return self.request.getfixturevalue(name)

    def sent(self):
        """The packets inside since the last time by which clients begin something."""
        sent = [packet for packet in self.world.inside.packets() if packet.begins]
        self._sent += sent
        return sent

    @property
    def ports(self):
        """Where all of these went to."""
        self.sent()
        return sorted({packet.begins for packet in self._sent})

    def end(self):
        pass


def compare(row, sides):
    """Fails where somebody could tell the difference, or where nothing was sent."""
    bare, moved = sides
    assert bare.ports == moved.ports != [], 'libxredirect == bare'
