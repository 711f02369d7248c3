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
sockets, and the lines that the program wrote. What came of it is kept in the build directory, where
tests/tools/programs-table finds it.
"""

import collections
import json
import pathlib
import re
import subprocess
import tempfile

import pytest

from programs import PATIENCE, Program
from support.users import as_user

FILES = pathlib.Path(__file__).resolve().parent

# log: whether what it wrote must be the same, too; but: what of its sockets need not be, by the
# ends of the names that sockets.py gives. The test says why.
Row = collections.namedtuple('Row', 'program exchange version log but')


class Side:
    """Where a program runs (`home`), where it is to listen (`there`), and with what around it."""

    files = FILES

    def __init__(self, name, there, home, directory, environment, request):
        self.name, self.there, self.home = name, there, home
        self.directory, self.request = directory, request
        self._environment = environment
        self.started = []
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
        program.argv = argv
        self.started.append(program)
        return program

    def fixture(self, name):
        return self.request.getfixturevalue(name)

    def end(self):
        for program in self.started:
            program.end()


def row(program, exchange, version='--version', cases=None, log=True, but=()):
    """Makes a test of a generator. With `cases` it is one for each, its arguments."""
    def decorate(function):
        if cases is None:
            def test(twice):
                twice(test.row, function)
        else:
            @pytest.mark.parametrize('case', cases, ids=lambda case: str(case[0]))
            def test(twice, case):
                twice(test.row, function, *case)
        test.row = Row(program, exchange, version, log, but)
        test.__name__, test.__doc__ = function.__name__, function.__doc__
        return test

    return decorate


def open_to_all(directory):
    """Lets other users get at a temporary directory."""
    for each in (directory, *directory.parents):
        if each == pathlib.Path(tempfile.gettempdir()):
            break
        each.chmod(0o755)


def version_of(program, option):
    """The first thing that looks like one in what it says of itself."""
    options = [option] if isinstance(option, str) else option
    said = subprocess.run([program.argv[0], *options], cwd=program.directory, text=True,
                          check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors='replace', timeout=PATIENCE).stdout
    found = re.search(r'\d+(?:[._]\d+)+(?:p\d+)?', said)
    return found[0].replace('_', '.') if found else '-'


def differences(one, other):
    return {name: (one.get(name), other.get(name)) for name in sorted({*one, *other})
            if one.get(name) != other.get(name)}


def compare(row, sides, answers):
    """Fails where somebody could tell the difference."""
    assert answers[1] == answers[0], 'libxbind == bare'
    for bare, moved in zip(*(side.started for side in sides)):
        found = {name: values for name, values in differences(bare.sockets, moved.sockets).items()
                 if not name.endswith(row.but)}
        assert found == {}, 'name: (bare, libxbind)'
        if row.log:
            assert moved.log == bare.log, 'libxbind == bare'


def try_both(row, function, sides, case):
    """(The result, the error): what goes into the table, and what to raise."""
    result = {'program': row.program, 'exchange': row.exchange, 'version': '-', 'ports': [],
              'bare': 'fails', 'libxbind': 'not tried'}
    answers = []
    try:
        for side in sides:
            result[side.name] = 'fails'
            answers.append(list(function(side, *case)))
            result[side.name] = f'{len(answers[-1])} answers'
            first = side.started[0]
            result['ports'] = sorted({f'{proto} {port}' for each in side.started
                                      for port, proto in each.ports})
        result['libxbind'] = 'differs'
        compare(row, sides, answers)
        result['libxbind'] = 'the same'
        result['version'] = version_of(first, row.version)
    except (Exception, pytest.fail.Exception) as error:  # to be told after the result has been kept
        return result, error
    finally:
        for side in sides:
            side.end()
    return result, None


def keep(build, name, result):
    """Where tests/tools/programs-table finds it."""
    kept = build / 'programs-matrix' / (re.sub(r'\W+', '-', name).strip('-') + '.json')
    kept.unlink(missing_ok=True)
    if result:
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(result), encoding='utf-8')
