# SPDX-License-Identifier: MIT
"""The matrix itself: that it finds a difference, and that docs/PROGRAMS.md has all of it."""

import importlib
import sys

import pytest

from asking import FILES, compare
from places import IPV4
from servers import Echo
from support import tree
from support.matrix import Row, declared, rows_of_page, try_both

ROW = Row('a client', 'hello', '--version', True, ())
# A client that may do something else where it is preloaded.
CLIENT = f'''
import os, socket, sys
other = sys.argv[1] if 'LD_PRELOAD' in os.environ else ''
kind = socket.SOCK_DGRAM if other == 'protocol' else socket.SOCK_STREAM
with socket.socket(socket.AF_INET, kind) as sock:
    sock.connect(('{IPV4}', 3000))
    sock.send(b'other' if other == 'answer' else b'hello')
    print(sock.recv(100))
if other == 'stderr':
    print('preloaded', file=sys.stderr)
if other == 'stray':
    # past the library
    import ctypes
    fd = ctypes.CDLL('libc.so.6').socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
    with socket.socket(fileno=fd) as sock:
        sock.sendto(b'stray', ('{IPV4}', 9999))
sys.exit(other == 'status')
'''


def ask(side, what):
    side.server(Echo)
    yield side.run([sys.executable, '-I', '-c', CLIENT, what])


@pytest.mark.parametrize('what', ['', 'answer', 'stderr', 'protocol'])
def test_finds_what_differs(what, sides):
    result, error = try_both(ROW, ask, sides, (what,), compare)
    assert (result['bare'], result['ports']) == ('1 answer', ['tcp 3000'] if what != 'protocol' else
                                                 ['udp 3000'])
    assert result['moved'] == ('differs' if what else 'the same'), error
    assert bool(error) == bool(what)


def test_finds_a_program_that_fails(sides):
    result, error = try_both(ROW, ask, sides, ('status',), compare)
    assert (result['bare'], result['moved']) == ('1 answer', 'fails') and error


def test_finds_a_packet_outside(sides, world):
    """By the fixture, which would fail the test."""
    try_both(ROW, ask, sides, ('stray',), compare)
    strays = world.strays()
    assert len(strays) == 2 and 'stray' in strays[0] and 'icmp' in strays[1], strays


def test_finds_a_program_that_is_not_preloaded(sides, world):
    """It reaches an ear."""
    def bare(side):
        side.server(Echo)
        yield side.run([sys.executable, '-I', '-c', CLIENT, ''], LD_PRELOAD='')

    result, error = try_both(ROW, bare, sides, (), compare)
    assert (result['bare'], result['moved']) == ('1 answer', 'differs') and error
    assert 'tcp 3000: connected' in world.strays()


def test_table_has_every_program():
    """See docs/TESTING.md for how to make it anew."""
    modules = [importlib.import_module(path.stem) for path in FILES.glob('test_*.py')]
    rows = rows_of_page(tree.text('docs/PROGRAMS.md'), 'libxredirect')
    assert {(each[0], text) for each in rows for text in each[2].split('; ')} == declared(modules)
    assert {each[5] for each in rows} == {'the same'}
