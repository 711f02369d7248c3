# SPDX-License-Identifier: MIT
"""Suites that others wrote, run natively, and under libxbind, libxredirect or the Python package.

Each run has a network namespace of its own, all are the same, and that of a library is served by
a broker that is in it too. So nothing is where it would not be natively, and every socket that is
bound has been replaced, or every socket is the broker's. What came of each test must be the same as
natively.

With the package the program itself is elsewhere, where nobody can be reached, not even itself. So
it is the namespace's sockets and names that it uses, or its tests fail.

Tests of such suites depend on time, and now and then one fails on a busy machine. So those whose
outcome differs are run again, alone, RERUNS times in both ways. Nothing may come of them under
the library then that does not come of them natively, too; and that they were run again is told.
"""

import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile

from support.broker import Broker
from support.netns import Namespace

SOCKETS = '[Server]\nAllowSockets=tcp udp mptcp udplite sctp ping route\n'
# How many runs at once. They mostly wait.
RUNS = 6
PATIENCE = 200  # seconds for a run
RERUNS = 5
# More tests than that do not differ because the machine is busy.
RERUN_AT_MOST = 20
# ... and with more of them that hang it would take too long.
CUT_AT_MOST = 2
# What the package adds to the text of an error, which is the reason of some skips.
BROKER_SAYS = re.compile(r" \(no socket from the broker\).*: '/[^']*'")
RUNNER = pathlib.Path(__file__).parent / 'outcomes.py'
ENTERED = pathlib.Path(__file__).parent / 'entered'

# What is to be looked at, and what the environment says of it: where its files are, and the control
# socket. The package is not preloaded: a sitecustomize.py enters the namespace, in each Python
# that is started. apart: whether the program is elsewhere.
Library = collections.namedtuple('Library', 'files variables apart', defaults=[False])
LIBRARIES = {
    'libxbind': Library({'LD_PRELOAD': ['xbind/libxbind.so']},
                        lambda server: {'XBIND': '* 0', 'XSOCKET': server}),
    'libxredirect': Library({'LD_PRELOAD': ['xredirect/libxredirect.so']},
                            lambda server: {'XREDIRECT': server}),
    'xsocket': Library({'PYTHONPATH': [ENTERED, 'python'], 'LD_LIBRARY_PATH': ['lib', 'resolver']},
                       lambda server: {'XSOCKET_PUSH': server}, apart=True),
}


class Suite:
    """Tests that are run in the same way natively and under a library. A subclass says how."""

    def __init__(self, build, public=None):
        """public(FILE): a copy of a file of the build, to be used instead."""
        self.build, self.file = build, public or (lambda name: build / name)

    def run(self, namespace, variables, only=None):
        """The Run of these tests, or of some of them, in a namespace."""
        raise NotImplementedError

    def process(self, namespace, argv, directory, variables):
        """Its status, once it has ended. What it writes is added to directory/output."""
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(('PYTHON', 'XSOCKET_'))}
        with open(directory / 'output', 'ab') as output, \
                subprocess.Popen(namespace.enter(argv), env=env | variables,
                                 cwd=directory / 'work', stdout=output, stdin=subprocess.DEVNULL,
                                 stderr=subprocess.STDOUT, start_new_session=True) as process:
            try:
                process.wait(PATIENCE)
            finally:
                # also what a test has started and left
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return process.returncode

    def files(self, library):
        return {variable: ':'.join(str(self.file(file)) for file in files)
                for variable, files in LIBRARIES[library].files.items()}

    def natively(self, only=None):
        with made_namespace() as namespace:
            return self.run(namespace, {}, only)

    def moved(self, library, only=None):
        with made_namespace() as namespace, made_namespace() as elsewhere:
            elsewhere.run(['ip', 'link', 'set', 'lo', 'down'])
            directory = pathlib.Path(tempfile.mkdtemp(prefix='foreign.'))
            (directory / 'conf').write_text(SOCKETS, encoding='ascii')
            broker = Broker(self.build, '--netns', namespace.name, '--config', directory / 'conf',
                            server=directory / 'socket')
            try:
                run = self.run(elsewhere if LIBRARIES[library].apart else namespace,
                               self.files(library) |
                               LIBRARIES[library].variables(str(directory / 'socket')), only)
            finally:
                broker.stop()
            run.handed_out = handed_out(broker.log)
            return run


class PythonSuite(Suite):
    """The tests of one module."""

    def __init__(self, build, python, framework, names, leave_out=(), reactor=''):
        super().__init__(build)
        self.python, self.framework = python, framework
        self.plan = {'names': names, 'leave_out': list(leave_out), 'reactor': reactor, 'done': [],
                     'only': None}

    def run(self, namespace, variables, only=None):
        run = PythonRun()
        directory = run.directory
        argv = [self.python, RUNNER, self.framework, directory / 'plan', directory / 'result']
        plan = self.plan | {'only': only}
        # again after a test in which the process ended
        while not run.ended:
            (directory / 'plan').write_text(json.dumps(plan), encoding='utf-8')
            before = len(run.started)
            status = self.process(namespace, argv, directory, variables)
            run.read()
            if not run.ended:
                assert len(run.started) > before, f'no test was run: {status}: {run.output}'
                run.outcomes.setdefault(run.started[-1], []).append(f'ends the process: {status}')
                run.cut_short.append(run.started[-1])
                assert len(run.cut_short) <= CUT_AT_MOST, \
                    f'hang or crash, {way(variables)}: ' \
                    f'{run.cut_short}: {run.output}'
                plan['done'] = run.started
        return run


def way(variables):
    """How a run with these variables of the environment is told from others."""
    return next((f'under {name}' for name, library in LIBRARIES.items()
                 if set(library.variables('')) <= set(variables)), 'natively')


class Run:
    """What came of the tests of a suite, which run in directory/work."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='foreign.'))
        (self.directory / 'work').mkdir()
        self.outcomes, self.texts = {}, {}  # of each test: [outcome, ...], and what it said
        self.handed_out = 0
        self.binds = None  # calls of bind(), where somebody counts them
        self.unused = []  # what was to be left out, and is no test

    @property
    def output(self):
        return (self.directory / 'output').read_text(encoding='utf-8', errors='replace')[-3000:]

    def count(self, outcome):
        return sum(came.startswith(outcome) for each in self.outcomes.values() for came in each)


class PythonRun(Run):
    """What outcomes.py has written down."""

    def __init__(self):
        super().__init__()
        (self.directory / 'result').touch()
        self.binds = self._read = 0
        self.started, self.cut_short, self.ended = [], [], False

    def read(self):
        """Takes in what has been written since the last time."""
        lines = (self.directory / 'result').read_text(encoding='utf-8').splitlines()
        for line in map(json.loads, lines[self._read:]):
            if 'start' in line:
                self.started.append(line['start'])
            elif 'binds' in line:
                self.binds += line['binds']
                self.ended, self.unused = True, line['unused']
            else:
                reason = BROKER_SAYS.sub('', line['reason'])
                came = line['outcome'] + (f': {reason}' if reason else '')
                self.outcomes.setdefault(line['id'], []).append(came)
                self.texts[line['id']] = line['text']
        self._read = len(lines)


class made_namespace:
    """A network namespace in which multicast and IPv6 work, for as long as that lasts."""

    numbers = iter(range(1, 100000))

    def __enter__(self):
        self.namespace = Namespace(f'foreign{next(self.numbers)}')
        self.namespace.run(['ip', 'link', 'set', 'lo', 'multicast', 'on'])
        self.namespace.run(['ip', 'route', 'add', '224.0.0.0/4', 'dev', 'lo'])
        return self.namespace

    def __exit__(self, *_):
        self.namespace.delete()


def handed_out(log):
    """How many sockets, and files for names, a broker says to have handed out. It does not name
    all, in a hurry."""
    return log.count(' handed out') + sum(map(int, re.findall(
        r'(\d+) messages of kind "grant" left out', log)))


class Runs:
    """Those of several modules at once; of(NAME, LIBRARY) waits for the two of a module."""

    def __init__(self, suites, at_once):
        """{name: (suite, [library, ...])}"""
        self.pool = concurrent.futures.ThreadPoolExecutor(at_once)
        self.futures = {}
        for name, (suite, libraries) in suites.items():
            self.futures[name, None] = self.pool.submit(suite.natively)
            for library in libraries:
                self.futures[name, library] = self.pool.submit(suite.moved, library)

    def of(self, name, library):
        return self.futures[name, None].result(), self.futures[name, library].result()

    def close(self):
        self.pool.shutdown(cancel_futures=True)


def differences(native, moved):
    return {test: (native.outcomes.get(test, []), moved.outcomes.get(test, []))
            for test in sorted(native.outcomes | moved.outcomes)
            if sorted(native.outcomes.get(test, [])) != sorted(moved.outcomes.get(test, []))}


def settle(suite, library, differing, say):
    """Runs what differed again, alone. Returns what still has an outcome that is not native's."""
    natives, moveds = {}, {}
    for _ in range(RERUNS):
        for run, seen in (suite.natively(list(differing)), natives), \
                         (suite.moved(library, list(differing)), moveds):
            for test in differing:
                seen.setdefault(test, []).append(tuple(run.outcomes.get(test, ())))
    left = {}
    for test in differing:
        say(f'differed, run alone {RERUNS} times: {test}: first {differing[test]}, '
            f'natively {natives[test]}, under {library} {moveds[test]}')
        if () in natives[test] or not set(moveds[test]) <= set(natives[test]):
            left[test] = (natives[test], moveds[test])
    return left


def check(suite, library, native, moved, say, at_least):
    """Fails, test by test, where the two runs of a module are not the same.

    It also fails where there was nothing to see: where fewer tests passed natively, or fewer
    sockets were bound, than the pair at_least says, and where the library did not have these
    sockets from the broker. Where nobody counts calls of bind(), the broker does.
    """
    passed, skipped = native.count('Success'), native.count('Skip')
    say(f'{passed} passed natively, {skipped} skipped, '
        f'{sum(map(len, native.outcomes.values())) - passed - skipped} others; '
        f'{moved.count("Success")} passed under {library}; '
        + (f'{moved.binds} calls of bind(), ' if moved.binds is not None else '')
        + f'{moved.handed_out} seen handed out')
    assert not native.unused, f'is left out, but is no test: {native.unused}'
    assert passed >= at_least[0], native.output
    if moved.binds is None:
        assert moved.handed_out >= at_least[1], f'nothing is from {library}'
    else:
        assert moved.binds >= at_least[1], native.output
        # a broker in a hurry names only a hundred; some calls are meant to fail
        assert moved.handed_out >= 0.9 * min(moved.binds, 100), f'nothing is from {library}'
    differing = differences(native, moved)
    assert len(differing) <= RERUN_AT_MOST, differing
    left = settle(suite, library, differing, say) if differing else {}
    text = ''.join(f'{test}: natively {natively}, under {library} {there}\n'
                   f'{moved.texts.get(test) or native.texts.get(test)}\n'
                   for test, (natively, there) in left.items())
    assert not left, f'{text}\n{moved.output}'
