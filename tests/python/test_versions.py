# SPDX-License-Identifier: MIT
"""The package with other Pythons: the system's, the first in the PATH, and those that are named in
XSOCKET_PYTHONS, separated by colons."""

import os
import pathlib
import shutil
import subprocess

import pytest

EVERYTHING = pathlib.Path(__file__).with_name('everything.py')
EXPECTED = """\
blocks vpn lan here vpn here
pushed vpn IndexError
decorated vpn lan
closed vpn vpn vpn
runners vpn lan here
tasks vpn vpn lan lan here here vpn vpn
threads vpn lan here
pools vpn here lan vpn here lan
sockets 102 ('127.0.0.1', 80)
errors /run/xsocket/nobody /run/xsocket/nobody
left 0
"""


def pythons():
    """What they say of themselves: {(version, executable)}."""
    found = set()
    for name in ('/usr/bin/python3', 'python3', *os.environ.get('XSOCKET_PYTHONS', '').split(':')):
        if path := shutil.which(name):
            found.add(subprocess.run(
                [path, '-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.executable)'],
                check=True, text=True, capture_output=True).stdout.strip())
    return sorted(found)


@pytest.mark.parametrize('python', pythons())
def test_everything(world, python):
    version, _, executable = python.partition(' ')
    assert tuple(map(int, version.split('.'))) >= (3, 9), 'too old: another one first in the PATH?'
    result = subprocess.run([executable, '-W', 'error', '-W', 'ignore:This process:DeprecationWarning',
                             str(EVERYTHING)], text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert (result.stdout, result.stderr, result.returncode) == (EXPECTED, '', 0)
