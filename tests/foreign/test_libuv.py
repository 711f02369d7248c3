# SPDX-License-Identifier: MIT
"""libuv's own tests come to the same under libxbind, one by one.

Its program runs each of them, and the servers that it needs, in processes of their own. They use
fixed ports and fixed names in /tmp. So those of a group run one after another, and each group has
its own /tmp, beside its own network namespace. tools/fetch-libuv has fetched the source.
"""

import fcntl
import os
import re
import shutil
import subprocess

import pytest

from foreign import CUT_AT_MOST, Run, Suite, check, way
from support.wait import require, skip

# The groups by the first words of the tests' names, and one of all others. The slowest first. With
# each: how many pass natively at the least, and how many sockets are moved.
GROUPS = {
    'others': (140, 100),
    'udp fs fork we': (110, 35),
    'tcp tcp6': (55, 40),
    'ipc pipe spawn poll': (60, 18),
}
# The tests of a group. Each says in a line what came of it.
RUNNER = '''
mount -t tmpfs -o mode=1777 tmpfs /tmp || exit
program=$1; shift
for test; do "$program" "$test"; done
'''
VARIABLES = {'UV_RUN_AS_ROOT': '1'}
# How long tests may take, in multiples of what they say, which is for a machine that does nothing
# else. One binds 2500 sockets, which takes libxbind five seconds of the CPU: each time it looks at
# all of them.
PATIENCE = '10'
LINE = re.compile(r'(ok|not ok) \d+ - (\w+)(?: # SKIP ?(.*))?')


class LibuvRun(Run):
    """What its program has printed: a line for each test, and after it why and how it failed."""

    def read(self):
        test = None
        text = (self.directory / 'output').read_text(encoding='utf-8', errors='replace')
        for line in text.splitlines():
            match = LINE.fullmatch(line)
            if match:
                verdict, test, reason = match.groups()
                came = 'Success' if verdict == 'ok' else 'Failure'
                self.outcomes.setdefault(test, []).append(
                    came if reason is None else f'Skip: {reason}')
                self.texts[test] = ''
            elif test and self.outcomes[test][-1] == 'Failure':
                self.outcomes[test][-1] += f': {line}'
            elif test:
                self.texts[test] = (self.texts[test] + line + '\n')[-3000:]


class LibuvSuite(Suite):
    """Some of the tests of its program."""

    def __init__(self, build, public, program, tests):
        super().__init__(build, public)
        self.program, self.tests = program, tests

    def run(self, namespace, variables, only=None):
        run = LibuvRun()
        shutil.copytree(self.program.parent / 'fixtures', run.directory / 'work/test/fixtures')
        # one of the tests becomes another user
        run.directory.chmod(0o755)
        argv = ['unshare', '--mount', 'sh', '-c', RUNNER, 'sh', self.program, *(only or self.tests)]
        self.process(namespace, argv, run.directory, variables | VARIABLES | {
            'UV_TEST_TIMEOUT_MULTIPLIER': PATIENCE})
        run.read()
        hanging = [test for test, came in run.outcomes.items() if 'Failure: # timeout' in came]
        assert len(hanging) <= CUT_AT_MOST, \
            f'hang, {way(variables)}: {hanging}'
        missing = set(only or self.tests) - set(run.outcomes)
        assert not missing, f'nothing came of {missing}: {run.output}'
        return run


def group_of(test):
    word = test.partition('_')[0]
    return next((group for group in GROUPS if word in group.split()), 'others')


@pytest.fixture(scope='module')
def program(build, tmp_path_factory):
    """Its program, built once: a copy that is not below /tmp, with the files of tests beside it."""
    source, made = build / 'libuv/source', build / 'libuv/build'
    if not source.exists():
        skip(f'needs the source of libuv: tools/fetch-libuv {source.parent}')
    cmake, ninja = require('cmake'), require('ninja')
    with open(source.parent / 'lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for argv in ([cmake, '-G', 'Ninja', '-S', source, '-B', made],
                     [ninja, '-C', made, 'uv_run_tests_a']):
            built = subprocess.run(argv, capture_output=True, text=True, check=False)
            assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
        directory = tmp_path_factory.mktemp('libuv')
        directory.chmod(0o755)
        shutil.copy2(made / 'uv_run_tests_a', directory)
        shutil.copytree(source / 'test/fixtures', directory / 'fixtures')
    return directory / 'uv_run_tests_a'


@pytest.fixture(scope='module')
def tests(program):
    """{group: [test, ...]}"""
    listed = subprocess.run([program, '--list'], env=os.environ | VARIABLES, check=True,
                            capture_output=True, text=True).stdout
    found = {group: [] for group in GROUPS}
    for line in listed.splitlines():
        found[group_of(line.split()[0])].append(line.split()[0])
    return found


@pytest.mark.parametrize('module', GROUPS)
def test_libuv(module, build, public, program, tests, runs, say):
    def suite_of(name):
        return LibuvSuite(build, public, program, tests[name])  # the build may be below /tmp

    native, moved = runs(suite_of).of(module, 'libxbind')
    check(suite_of(module), 'libxbind', native, moved, lambda text: say(f'{module}: {text}'),
          GROUPS[module])
