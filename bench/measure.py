# SPDX-License-Identifier: MIT
"""What the benchmarks written in Python share. They run in tests/tools/sandbox: meson does that.

By hand: XSOCKET_BUILD=build PYTHONPATH=tests tests/tools/sandbox /usr/bin/python3 bench/NAME.py
"""

import contextlib
import os
import pathlib
import shutil
import statistics
import sys

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
