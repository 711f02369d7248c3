# SPDX-License-Identifier: MIT
"""Where the other namespace says no, and ports that are not listed."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from programs import PATIENCE, http, talk
from support.wait import require, wait_until

# Binds the same socket to the first port that is free, as many servers do.
FALLBACK = '''
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
for port in map(int, sys.argv[1:]):
    try:
        server.bind(('127.0.0.1', port))
        break
    except OSError as error:
        print(port, error.errno)
server.listen()
print('listening on', server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    connection.sendall(b'hello\\n')
    connection.close()
'''

BIND = 'import socket, sys; socket.socket().bind((sys.argv[1], int(sys.argv[2])))'


@pytest.fixture
def run(xbind):
    """run(ARGV, '3000'): a program that ends by itself."""
    def run(argv, rules, **variables):
        return subprocess.run(argv, env=xbind(rules, **variables), timeout=PATIENCE, check=False,
                              text=True, stdin=subprocess.DEVNULL, capture_output=True)
    return run


def test_unlisted_ports_stay(start, here):
    server = start([sys.executable, '-m', 'http.server', '--bind', '127.0.0.1', '4000'],
                   '3000-3999 4001 udp:4000')
    server.wait_stayed(4000, v4=1)
    assert '<a href="input">' in http(here, 4000)
    server.stop(signal.SIGINT)


def test_taken_there(start, vpn, here):
    """The true errno, and a socket that still is one of its own namespace."""
    with vpn.socket() as taken:
        taken.bind(('127.0.0.1', 3000))
        taken.listen()
        server = start([sys.executable, '-c', FALLBACK, '3000', '4000'], '3000')
        server.wait_stayed(4000, v4=1)
        wait_until(lambda: 'listening' in server.said, PATIENCE)
        assert server.said == f'3000 {errno.EADDRINUSE}\nlistening on 4000\n'
        assert talk(here, 4000, b'') == b'hello\n'
        server.stop(status=-signal.SIGTERM)


def test_taken_there_and_another_listed_port_is_not(start, vpn):
    with vpn.socket() as taken:
        taken.bind(('127.0.0.1', 3000))
        taken.listen()
        server = start([sys.executable, '-c', FALLBACK, '3000', '3001'], '3000-3001')
        server.wait_listening(3001, v4=1)
        wait_until(lambda: 'listening' in server.said, PATIENCE)
        assert server.said == f'3000 {errno.EADDRINUSE}\nlistening on 3001\n'
        assert talk(vpn, 3001, b'') == b'hello\n'
        server.stop(status=-signal.SIGTERM)


def test_taken_here_and_free_there(start, vpn, here):
    """What is bound in the program's own namespace does not matter."""
    with here.socket() as taken:
        taken.bind(('127.0.0.1', 3000))
        server = start([sys.executable, '-c', FALLBACK, '3000', '4000'], '3000')
        server.wait_listening(3000, v4=1)
        assert talk(vpn, 3000, b'') == b'hello\n'
        server.stop(status=-signal.SIGTERM)


def test_a_second_program_on_the_port(start, run, vpn):
    """It says what it always says then."""
    argv = [require('socat'), 'TCP4-LISTEN:3000,fork', 'PIPE']
    first = start(argv, '3000')
    first.wait_listening(3000, v4=1)
    second = run(argv, '3000')
    assert second.returncode == 1
    assert second.stderr.count('\n') == 1 and 'Address already in use' in second.stderr
    assert talk(vpn, 3000, b'hello\n', enough=6) == b'hello\n'
    first.stop(status=128 + signal.SIGTERM)


def test_absent_broker(run):
    """One line that says what to start; otherwise what a program says of an address it has not."""
    argv = [sys.executable, '-c', BIND]
    without = subprocess.run([*argv, '192.0.2.1', '3000'], timeout=PATIENCE, check=False, text=True,
                             capture_output=True)
    assert os.strerror(errno.EADDRNOTAVAIL) in without.stderr
    result = run([*argv, '127.0.0.1', '3000'], '3000', XSOCKET='gone')
    line, _, rest = result.stderr.partition('\n')
    assert line.startswith('libxbind: ')
    assert 'systemctl enable --now xsocket@gone.socket' in line
    assert (rest, result.stdout, result.returncode) == (without.stderr, '', without.returncode)


def test_absent_default_broker(run):
    result = run([sys.executable, '-c', BIND, '127.0.0.1', '3000'], '3000', XSOCKET='')
    assert 'systemctl enable --now xsocket.socket' in result.stderr.splitlines()[0]


def test_absent_broker_and_a_daemon(run):
    """It tries no other port, and tells why by the errno that it got."""
    result = run([require('redis-server'), '--port', '3000', '--bind', '127.0.0.1', '--save', ''],
                 '3000', XSOCKET='gone')
    assert result.returncode == 1
    assert 'systemctl enable --now xsocket@gone.socket' in result.stderr
    assert os.strerror(errno.EADDRNOTAVAIL) in result.stdout + result.stderr


def test_absent_broker_and_unlisted_ports(start, here, vpn):
    """They do not need one, so nothing is said."""
    vpn.broker.stop()
    server = start([sys.executable, '-c', FALLBACK, '4000'], '3000')
    server.wait_stayed(4000, v4=1)
    assert talk(here, 4000, b'') == b'hello\n'
    server.stop(status=-signal.SIGTERM)
