# SPDX-License-Identifier: MIT
"""What the benchmarks written in Python share. They run in tests/tools/sandbox: meson does that.

By hand: XSOCKET_BUILD=build PYTHONPATH=tests tests/tools/sandbox /usr/bin/python3 bench/NAME.py
"""

import contextlib
import glob
import os
import pathlib
import shutil
import statistics
import sys
import time

from support.broker import Broker
from support.netns import Namespace

BUILD = pathlib.Path(os.environ['XSOCKET_BUILD']).resolve()


def spread(values, form='{:.3f}'):
    """Median [least, most]."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f'{form} [{form}, {form}]'.format(middle, low, high)


def table(title, rows):
    """Prints rows of (what, text)."""
    print(title)
    for what, text in rows:
        print(f'  {what:<44} {text}')


def find(*programs):
    """The paths of programs; ends the benchmark as skipped where one is missing."""
    paths = [shutil.which(program) for program in programs]
    if None in paths:
        print(f'needs {programs[paths.index(None)]}', file=sys.stderr)
        sys.exit(1 if os.environ.get('XSOCKET_MUST_WORK') == '1' else 77)
    return paths


@contextlib.contextmanager
def namespace(name='bench'):
    made = Namespace(name)
    try:
        yield made
    finally:
        made.delete()


@contextlib.contextmanager
def broker(inside):
    """A broker that serves a namespace, ended at the end."""
    os.makedirs('/run/xsocket', exist_ok=True)
    made = Broker(BUILD, '--netns', inside.name, server=f'/run/xsocket/{inside.name}')
    try:
        yield made
    finally:
        made.stop()


class Others:
    """Watches for processes outside of the sandbox, which take CPU time from what is measured."""

    LIMIT = 0.05  # of all CPUs
    ATTEMPTS = 3

    def __init__(self):
        self.least = []  # of each measurement: the part of the CPUs that others used

    @staticmethod
    def _used():
        """CPU time in ticks that others have used, since whenever."""
        with open('/proc/stat', encoding='ascii') as stat:
            user, nice, system, _, _, *rest = map(int, stat.readline().split()[1:])
        ours = 0
        for path in glob.glob('/proc/[0-9]*/stat'):  # those of this PID namespace
            with contextlib.suppress(OSError), open(path, 'rb') as stat:
                ours += sum(map(int, stat.read().rpartition(b')')[2].split()[11:15]))
        return user + nice + system + sum(rest[:3]) - ours

    def measure(self, how):
        """What how() returns, of the attempt that others have disturbed least."""
        attempts = []
        for _ in range(self.ATTEMPTS):
            used, start = self._used(), time.monotonic()
            result = how()
            all_ticks = (time.monotonic() - start) * os.sysconf('SC_CLK_TCK') * os.cpu_count()
            attempts.append(((self._used() - used) / all_ticks, result))
            if attempts[-1][0] <= self.LIMIT:
                break
        part, result = min(attempts, key=lambda attempt: attempt[0])
        self.least.append(part)
        return result

    def __str__(self):
        above = sum(part > self.LIMIT for part in self.least)
        return f'{above} of {len(self.least)} measurements were disturbed by other processes'
