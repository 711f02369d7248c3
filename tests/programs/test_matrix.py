# SPDX-License-Identifier: MIT
"""The matrix itself: that it finds a difference, and that docs/PROGRAMS.md has all of it."""

import importlib
import sys

import pytest

from matrix import FILES, compare
from support import tree
from support.matrix import Row, declared, rows_of_page, try_both

# A server that may do something else where it is preloaded.
SERVER = '''
import os, socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
other = 'LD_PRELOAD' in os.environ and sys.argv[1]
if other == 'option':
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
if other == 'flag':
    server.set_inheritable(True)
if other == 'number':
    os.open('/dev/null', os.O_RDONLY)
    server = socket.socket(fileno=os.dup(server.detach()))
server.bind(('127.0.0.1', 3000))
server.listen(5 if other == 'backlog' else 6)
if other == 'log':
    print('preloaded', flush=True)
while True:
    connection, _ = server.accept()
    connection.sendall(b'other' if other == 'answer' else b'hello')
    connection.close()
'''


def serve(side, what):
    server = side.start([sys.executable, '-c', SERVER, what], '3000')
    server.wait_listening(3000, v4=1)
    with side.there.connect(3000) as sock:
        yield sock.recv(5)
    yield server.stop(status=-15)


@pytest.mark.parametrize('what', ['', 'option', 'flag', 'number', 'backlog', 'log', 'answer'])
def test_finds_what_differs(what, sides):
    row = Row('a server', 'hello', '--version', True, ())
    result, error = try_both(row, serve, sides, (what,), compare)
    assert result['bare'] == '2 answers'
    assert result['moved'] == ('differs' if what else 'the same'), error
    assert bool(error) == bool(what)
    assert result['ports'] == ['tcp 3000']


def test_finds_a_program_that_is_not_preloaded(sides):
    """It listens in its own namespace then."""
    def bare(side):
        program = side.start([sys.executable, '-c', SERVER, ''], '3000', LD_PRELOAD='')
        program.wait_listening(3000, v4=1)
        yield program.stop(status=-15)

    result, error = try_both(Row('a server', 'hello', '--version', True, ()), bare, sides, (),
                             compare)
    assert (result['bare'], result['moved']) == ('1 answer', 'fails') and error


def test_table_has_every_program():
    """See docs/TESTING.md for how to make it anew."""
    modules = [importlib.import_module(path.stem) for path in FILES.glob('test_*.py')]
    rows = rows_of_page(tree.text('docs/PROGRAMS.md'), 'libxbind')
    assert {(each[0], text) for each in rows for text in each[2].split('; ')} == declared(modules)
    assert {each[5] for each in rows} == {'the same'}
