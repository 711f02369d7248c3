# SPDX-License-Identifier: MIT
"""haproxy and lighttpd, and the servers that perl, ruby and php come with."""

import contextlib
import signal
import socket

from programs import PATIENCE, greet, http
from support.matrix import row
from support.wait import require, wait_until

HAPROXY_CONF = '''
global
    nbthread 2
defaults
    mode http
    timeout connect 60s
    timeout client 60s
    timeout server 60s
frontend web
    bind 127.0.0.1:3000
    bind ipv6@::1:3000
    http-request return status 200 content-type text/plain string "direct" if { path / }
    default_backend behind
backend behind
    server one 127.0.0.1:4000
frontend other
    bind 127.0.0.1:4000
    http-request return status 200 content-type text/plain string "from behind"
'''


def ask(cli):
    """What haproxy's master tells of its processes, or nothing: it starts itself anew at first."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(1)
        sock.connect(str(cli))
        sock.sendall(b'show proc\n')
        return sock.recv(4096)
    return b''


def wait_for_master(side):
    """A signal that comes before it answers may be lost, or end it."""
    wait_until(lambda: b'worker' in ask(side.directory / 'cli'), PATIENCE,
               'an answer of the master')


def haproxy(side):
    """In master-worker mode. It connects to itself, by a port that stays."""
    (side.directory / 'conf').write_text(HAPROXY_CONF)
    haproxy = side.start([require('haproxy', '/usr/sbin/haproxy'), '-W', '-db', '-S',
                          side.directory / 'cli', '-f', side.directory / 'conf'], '3000-3010')
    haproxy.wait_listening(3000, v4=1, v6=1)
    wait_for_master(side)
    haproxy.wait_stayed(4000, v4=1)
    return haproxy


@row('haproxy', 'HTTP over IPv4 and IPv6, by itself and from a server on a port that stays', '-v')
def test_haproxy(side):
    server = haproxy(side)
    for host in ('127.0.0.1', '::1'):
        yield http(side.there, 3000, host)
        yield http(side.there, 3000, host, '/behind')
    yield server.stop(status=(0, 128 + signal.SIGTERM))  # 2.6, older


@row('haproxy', 'the same from a new worker, and on a new port, after a reload', '-v', log=False)
def test_haproxy_reload(side):
    """The master starts itself anew. (Whether the old worker is heard of again is up to time.)"""
    server = haproxy(side)
    (side.directory / 'conf').write_text(HAPROXY_CONF.replace(
        'bind 127.0.0.1:3000', 'bind 127.0.0.1:3000,127.0.0.1:3001').replace('direct', 'anew'))
    server.process.send_signal(signal.SIGUSR2)
    server.wait_listening(3001, v4=1)
    wait_until(lambda: http(side.there, 3000) == 'anew')
    server.wait_listening(3000, v4=1, v6=1)
    for host in ('127.0.0.1', '::1'):
        yield http(side.there, 3000, host)
    yield http(side.there, 3001)
    wait_for_master(side)
    yield server.stop(status=(0, 128 + signal.SIGTERM))  # 2.6, older


@row('lighttpd', 'a file over HTTP, IPv4 and IPv6', '-v')
def test_lighttpd(side):
    (side.directory / 'file').write_text('of lighttpd\n')
    (side.directory / 'conf').write_text(
        f'server.document-root = "{side.directory}"\nserver.port = 3000\n'
        'server.bind = "127.0.0.1"\n$SERVER["socket"] == "[::1]:3000" { }\n')
    server = side.start([require('lighttpd', '/usr/sbin/lighttpd'), '-D', '-f',
                         side.directory / 'conf'], '3000')
    server.wait_listening(3000, v4=1, v6=1)
    for host in ('127.0.0.1', '::1'):
        answer = http(side.there, 3000, host, '/file')
        assert answer == 'of lighttpd\n'
        yield answer
    yield server.stop()


@row('php', 'its built-in server: a page of a script')
def test_php(side):
    (side.directory / 'page.php').write_text('<?php echo "php saw ", $_SERVER["REMOTE_ADDR"];')
    server = side.start([require('php'), '-n', '-S', '127.0.0.1:3000', '-t', side.directory],
                        '3000')
    server.wait_listening(3000, v4=1)
    answer = http(side.there, 3000, path='/page.php')
    assert answer == 'php saw 127.0.0.1'
    yield answer
    yield server.stop(status=-signal.SIGTERM)


@row('ruby', 'its own web server, WEBrick: a file')
def test_ruby(side):
    (side.directory / 'file').write_text('of ruby\n')
    server = side.start([require('ruby'), '-run', '-e', 'httpd', side.directory, '-p', '3000',
                         '-b', '127.0.0.1'], '3000')
    server.wait_listening(3000, v4=1)
    answer = http(side.there, 3000, path='/file')
    assert answer == 'of ruby\n'
    yield answer
    yield server.stop()


@row('perl', 'a line over TCP, answered by a child, and a datagram')
def test_perl(side):
    server = side.start([require('perl'), side.files / 'perl_server.pl', '3000'], '3000')
    server.wait_listening(3000, v4=1)
    server.wait_listening(3000, 'udp', v4=1)
    yield from greet(side.there, 3000)
    yield server.stop()
