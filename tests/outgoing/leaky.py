# SPDX-License-Identifier: MIT
"""Programs that would be heard outside without the library."""

import subprocess
import sys

import pytest

from asking import FILES
from places import IPV4
from support.wait import require

NODE = FILES / 'node_client.js'
FETCH = 'import urllib.request as r; r.urlopen("http://web.example/page", timeout=20)'
# They look names up, or connect, or both; with what says how, given a World and the command of Java.
PROGRAMS = {
    'getent': lambda *_: [require('getent'), 'ahosts', 'web.example'],
    'getent hosts': lambda *_: [require('getent'), 'hosts', IPV4],
    'libc': lambda world, _: [world.build / 'tests/outgoing/names'],
    'rsh': lambda world, _: [world.build / 'tests/outgoing/rsh'],
    'hostid': lambda *_: ['unshare', '--uts', 'sh', '-c',
                          'echo web.example >/proc/sys/kernel/hostname; exec hostid'],
    'curl': lambda *_: [require('curl'), '-q', '-sS', '--max-time', '20', 'http://web.example/page'],
    'wget': lambda *_: [require('wget'), '--no-config', '--tries=1', '-O-', 'http://six.example/page'],
    'Python': lambda *_: [sys.executable, '-I', '-c', FETCH],
    'node': lambda *_: [require('node', 'nodejs'), NODE, 'fetch'],
    'Java': lambda world, java: [*java, world.keys.certificate],
    'perl': lambda *_: [require('perl'), FILES / 'perl_client.pl'],
    # these do not ask libc
    'curl, address': lambda *_: [require('curl'), '-q', '-sS', '--max-time', '20', f'http://{IPV4}/page'],
    'node, c-ares': lambda *_: [require('node', 'nodejs'), NODE, 'resolve'],
    'aria2, c-ares': lambda *_: [require('aria2c'), '--no-conf', '-q', '--allow-overwrite', '--dir=.',
                                 '--max-tries=1', 'http://web.example/page'],
}
BY_LIBC = list(PROGRAMS)[:11]
SLOW = ['Java', 'node', 'node, c-ares', 'perl']


def start(names, world, java, directory, environment):
    """{program: its process}, of those that are installed."""
    started = {}
    for program, argv in ((name, PROGRAMS[name]) for name in names):
        try:
            argv = argv(world, java)
        except pytest.skip.Exception:  # told by test_ears.py
            continue
        (directory / program).mkdir()
        started[program] = subprocess.Popen(
            list(map(str, argv)), env=environment, cwd=directory / program, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return started
