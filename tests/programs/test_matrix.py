# SPDX-License-Identifier: MIT
"""The matrix itself: that it finds a difference, and that docs/PROGRAMS.md has all of it."""

import importlib
import re
import sys

import pytest

from matrix import FILES, Row, try_both
from support import tree

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
    result, error = try_both(row, serve, sides, (what,))
    assert result['bare'] == '2 answers'
    assert result['libxbind'] == ('differs' if what else 'the same'), error
    assert bool(error) == bool(what)
    assert result['ports'] == ['tcp 3000']


def test_finds_a_program_that_is_not_preloaded(sides):
    """It listens in its own namespace then."""
    def bare(side):
        program = side.start([sys.executable, '-c', SERVER, ''], '3000', LD_PRELOAD='')
        program.wait_listening(3000, v4=1)
        yield program.stop(status=-15)

    result, error = try_both(Row('a server', 'hello', '--version', True, ()), bare, sides, ())
    assert (result['bare'], result['libxbind']) == ('1 answers', 'fails') and error


def declared():
    """{(program, what is exchanged), ...} of all tests."""
    modules = [importlib.import_module(path.stem) for path in FILES.glob('test_*.py')]
    rows = [getattr(test, 'row', None) for module in modules for test in vars(module).values()]
    return {(row.program, text) for row in rows if isinstance(row, Row)
            for text in row.exchange.split('; ')}


def test_table_has_every_program():
    """See docs/TESTING.md for how to make it anew."""
    lines = re.findall(r'(?m)^\| (.*) \|$', tree.text('docs/PROGRAMS.md'))
    cells = [line.split(' | ') for line in lines]
    assert {len(each) for each in cells} == {6}
    table = {(each[0], text) for each in cells[2:] for text in each[2].split('; ')}
    assert table == declared()
    assert {each[5] for each in cells[2:]} == {'the same'}
