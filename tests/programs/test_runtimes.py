# SPDX-License-Identifier: MIT
"""Servers written in other languages: JavaScript, Java, and C++ with Boost.Asio."""

import pathlib
import signal
import subprocess

import pytest

from matrix import FILES
from programs import PATIENCE, http, talk
from support.matrix import row
from support.wait import require, skip


@row('node', 'HTTP over IPv4 and IPv6')
def test_node(side):
    node = side.start([require('node', 'nodejs'), side.files / 'node_server.js', '3000'], '3000')
    node.wait_listening(3000, v6=1)
    for host in ('127.0.0.1', '::1'):
        yield http(side.there, 3000, host)
    yield node.stop()


@row('node cluster', 'HTTP, answered by both of two workers')
def test_node_cluster(side):
    node = side.start([require('node', 'nodejs'), side.files / 'node_cluster.js', '3000'], '3000')
    node.wait_listening(3000, v6=1)
    answers = set()
    for _ in range(200):  # by turns; but the second worker may not be ready yet
        answers.add(http(side.there, 3000))
        if len(answers) == 2:
            break
    yield sorted(answers)
    yield node.stop()


@pytest.fixture(scope='session')
def java(tmp_path_factory):
    """The command, but for what kind of server it is to be."""
    classes = tmp_path_factory.mktemp('java')
    # one that lives for a second need not compile well
    options = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto']
    subprocess.run([require('javac'), *(f'-J{option}' for option in options), '-d', classes,
                    FILES / 'JavaServer.java'], check=True, timeout=PATIENCE)
    return [require('java'), *options, '-cp', classes, 'JavaServer']


def start_java(side, kind):
    java = side.start([*side.fixture('java'), kind, '3000'], '3000')
    java.wait_listening(3000, v6=1)
    return java


@row('Java HttpServer', 'HTTP over IPv4 and IPv6', '-version')
def test_java_http(side):
    java = start_java(side, 'http')
    for host in ('127.0.0.1', '::1'):
        yield http(side.there, 3000, host)
    yield java.stop(status=128 + signal.SIGTERM)


@row('Java ServerSocket', 'two echoes over IPv4 and IPv6', '-version')
def test_java_blocking(side):
    java = start_java(side, 'blocking')
    for host in ('127.0.0.1', '::1'):
        for request in (b'first\n', b'second\n'):
            yield talk(side.there, 3000, request, host)
    yield java.stop(status=128 + signal.SIGTERM)


@row('Java NIO', 'two echoes over TCP and UDP, IPv4 and IPv6, by one selector', '-version')
def test_java_selecting(side):
    """Its channels are registered with the selector before they are bound."""
    java = start_java(side, 'selecting')
    java.wait_listening(3000, 'udp', v6=1)
    for proto in ('tcp', 'udp'):
        for host in ('127.0.0.1', '::1'):
            for request in (b'first\n', b'second\n'):
                answer = talk(side.there, 3000, request, host, proto)
                assert answer == request
                yield answer
    yield java.stop(status=128 + signal.SIGTERM)


@pytest.fixture(scope='session')
def asio(tmp_path_factory):
    compiler, program = require('g++', 'c++'), tmp_path_factory.mktemp('asio') / 'asio'
    if not pathlib.Path('/usr/include/boost/asio.hpp').exists():
        skip('needs Boost.Asio (libboost-dev)')
    subprocess.run([compiler, '-std=c++17', '-O0', '-pthread', FILES / 'asio_server.cpp',
                    '-o', program], check=True, timeout=PATIENCE)
    return program


@row('Boost.Asio', 'two echoes over TCP, IPv4 and IPv6, and UDP')
def test_asio(side):
    """Its sockets are in an epoll set before bind(2), and waited for."""
    server = side.start([side.fixture('asio'), '3000'], '3000')
    server.wait_listening(3000, v6=1)
    server.wait_listening(3000, 'udp', v4=1)
    for host in ('127.0.0.1', '::1'):
        for request in (b'first\n', b'second\n'):
            answer = talk(side.there, 3000, request, host)
            assert answer == request
            yield answer
    for request in (b'first', b'second'):
        answer = talk(side.there, 3000, request, proto='udp')
        assert answer == request
        yield answer
    yield server.stop()
