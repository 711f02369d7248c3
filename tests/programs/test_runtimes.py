# SPDX-License-Identifier: MIT
"""Servers written in other languages: JavaScript, Java, and C++ with Boost.Asio."""

import pathlib
import signal
import subprocess

import pytest

from programs import PATIENCE, http, talk
from support.wait import require, skip


def test_node(start, vpn, files, sanitizer_first):
    node = start([require('node', 'nodejs'), files / 'node_server.js', '3000'], '3000',
                 LD_PRELOAD=sanitizer_first)
    node.wait_moved(3000, v6=1)
    assert http(vpn, 3000) == 'node saw ::ffff:127.0.0.1\n'
    assert http(vpn, 3000, '::1') == 'node saw ::1\n'
    node.stop()


def test_java(start, vpn, files, sanitizer_first):
    require('javac')  # without it there is nothing that could run a source file
    java = start([require('java'), '-XX:TieredStopAtLevel=1', files / 'HttpServerOnPort.java',
                  '3000'], '3000', LD_PRELOAD=sanitizer_first)
    java.wait_moved(3000, v6=1)
    for host in ('127.0.0.1', '::1'):
        assert http(vpn, 3000, host) == 'java says hello\n'
    java.stop(status=128 + signal.SIGTERM)


@pytest.fixture
def asio(files, tmp_path):
    compiler = require('g++', 'c++')
    if not pathlib.Path('/usr/include/boost/asio.hpp').exists():
        skip('needs Boost.Asio (libboost-dev)')
    subprocess.run([compiler, '-std=c++17', '-O0', '-pthread', files / 'asio_server.cpp',
                    '-o', tmp_path / 'asio'], check=True, timeout=PATIENCE)
    return tmp_path / 'asio'


def test_asio(asio, start, vpn):
    """Its sockets are in an epoll set before bind(2), and waited for."""
    server = start([asio, '3000'], '3000')
    server.wait_moved(3000, v6=1)
    server.wait_moved(3000, 'udp', v4=1)
    for host in ('127.0.0.1', '::1'):
        for request in (b'first\n', b'second\n'):
            assert talk(vpn, 3000, request, host) == request
    for request in (b'first', b'second'):
        assert talk(vpn, 3000, request, proto='udp') == request
    server.stop()
