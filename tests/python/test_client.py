# SPDX-License-Identifier: MIT
"""Connections that a program keeps, for many sockets."""

import os
import pathlib
import socket
import threading

import pytest

import xsocket
from support import wire
from worlds import descriptors


def test_a_client(world):
    before = descriptors()
    with xsocket.Client(pathlib.Path(world.vpn.path)) as client:
        assert client.server == world.vpn.path and 'closed' not in repr(client)
        with client.socket() as one, client.socket(socket.AF_INET6, socket.SOCK_DGRAM) as two:
            assert type(one) is socket.socket and not one.get_inheritable()
            assert (two.family, two.type) == (socket.AF_INET6, socket.SOCK_DGRAM)
            assert {wire.netns_cookie(each) for each in (one, two)} == {world.vpn.cookie}
        assert client.sockets(0) == []
        many = client.sockets(600, type=socket.SOCK_DGRAM)
        assert len({each.fileno() for each in many}) == 600
        assert {wire.netns_cookie(each) for each in many} == {world.vpn.cookie}
        assert {each.type for each in many} == {socket.SOCK_DGRAM}
        for each in many:
            each.close()
    assert descriptors() == before
    assert repr(client) == f'<xsocket.Client {world.vpn.path!r} closed>'
    client.close()
    for function in (client.socket, lambda: client.sockets(1)):
        with pytest.raises(ValueError, match='closed'):
            function()


def test_a_client_in_threads(world):
    """All at once, and while it is closed; no more connections are kept than it says."""
    before, failures = descriptors(), []

    def ask(client, until):
        try:
            while not until.is_set():
                with client.socket() as sock:
                    assert wire.netns_cookie(sock) == world.vpn.cookie
        except ValueError as error:
            assert 'closed' in str(error)
        except BaseException as error:
            failures.append(error)

    for close in (False, True):
        with xsocket.Client('vpn') as client:
            until = threading.Event()
            threads = [threading.Thread(target=ask, args=(client, until)) for _ in range(8)]
            for each in threads:
                each.start()
            for _ in range(100):
                client.socket().close()
            if close:
                client.close()
            until.set()
            for each in threads:
                each.join()
            assert len(descriptors() - before) <= (0 if close else 4)
    assert not failures and descriptors() == before


def test_a_client_after_fork(world):
    """Parent and child do not take each other's answers."""
    with xsocket.Client('vpn') as client:
        client.socket().close()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for _ in range(200):
                    with client.socket(type=socket.SOCK_DGRAM) as sock:
                        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_DGRAM
                        assert wire.netns_cookie(sock) == world.vpn.cookie
                status = 0
            finally:
                os._exit(status)
        for _ in range(200):
            with client.socket() as sock:
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
        assert os.waitpid(child, 0)[1] == 0


def test_its_descriptors_closed_behind_its_back(world):
    """As a daemon does when it begins."""
    with xsocket.Client('vpn') as client:
        before = descriptors()
        client.socket().close()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.closerange(3, 10000)
                with client.socket() as sock:
                    assert wire.netns_cookie(sock) == world.vpn.cookie
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        assert descriptors() == before
