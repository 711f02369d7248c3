# SPDX-License-Identifier: MIT
"""Servers that listen in the namespace and nowhere else."""

import asyncio
import contextlib
import http.server
import socket
import socketserver
import threading

import pytest

import xsocket
from support import wire
from support.netns import listening

PORT = 4000


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Cookie(socketserver.BaseRequestHandler):
    """Answers where a new socket of this thread would be."""

    def handle(self):
        with socket.socket() as sock:
            answer = str(wire.netns_cookie(sock)).encode()
        if isinstance(self.request, tuple):
            self.request[1].sendto(answer, self.client_address)
        else:
            self.request.sendall(answer)


@pytest.fixture(autouse=True)
def not_outside():
    """The same ports are used outside, so that nothing can listen there in silence."""
    with socket.create_server(('', PORT)), \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(('', PORT))
        yield


def test_http_server(world):
    with xsocket.namespace('vpn'):
        server = http.server.ThreadingHTTPServer(('', PORT), http.server.SimpleHTTPRequestHandler)
        server.RequestHandlerClass.log_message = lambda *_: None
    with serving(server):
        assert b'Directory listing' in world.vpn.namespace.fetch(PORT)


@pytest.mark.parametrize('kind', [socketserver.TCPServer, socketserver.ThreadingTCPServer])
def test_socketserver(world, kind):
    """Its threads are where it was started."""
    class Server(kind):
        allow_reuse_address = True

    with xsocket.namespace('vpn'):
        server = Server(('127.0.0.1', PORT), Cookie)
    with contextlib.ExitStack() as stack:
        with xsocket.namespace('lan'):
            stack.enter_context(serving(server))
        assert world.vpn.namespace.fetch(PORT, b'') == str(world.lan.cookie).encode()


@pytest.mark.parametrize('kind', [socketserver.UDPServer, socketserver.ThreadingUDPServer])
def test_datagrams(world, kind):
    with xsocket.namespace('vpn'):
        server = kind(('127.0.0.1', PORT), Cookie)
        with serving(server), socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.sendto(b'', ('127.0.0.1', PORT))
            assert sock.recv(100) == str(world.vpn.cookie).encode()


def test_create_server(world):
    assert socket.has_dualstack_ipv6()
    for family, dual in ((socket.AF_INET, False), (socket.AF_INET6, True)):
        with xsocket.namespace('vpn'), \
                socket.create_server(('', PORT), family=family, dualstack_ipv6=dual):
            assert world.vpn.namespace.listening(PORT) and not world.lan.namespace.listening(PORT)
    with xsocket.namespace('nobody'), pytest.raises(OSError):
        socket.create_server(('', PORT))


@pytest.mark.parametrize('dispatch', ['start_server', 'create_datagram_endpoint'])
def test_asyncio(world, dispatch):
    """Whoever handles a client is in the namespace that the server was started in."""
    seen = []

    def where():
        with socket.socket() as sock:
            seen.append(wire.netns_cookie(sock))

    async def handle(reader, writer):
        where()
        writer.write(await reader.read())
        writer.close()

    class Protocol(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            where()
            self.transport.sendto(data, address)

    async def stream():
        with xsocket.namespace('vpn'):
            server = await asyncio.start_server(handle, '127.0.0.1', PORT)
        async with server:
            fetched = await asyncio.to_thread(fetch_stream)
        return fetched

    def fetch_stream():
        with world.vpn.namespace.connect(PORT) as sock:
            sock.sendall(b'hello')
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(5)

    async def datagrams():
        with xsocket.namespace('vpn'):
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                Protocol, local_addr=('127.0.0.1', PORT))
        fetched = await asyncio.to_thread(fetch_datagram)
        transport.close()
        return fetched

    def fetch_datagram():
        with world.vpn.namespace.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.sendto(b'hello', ('127.0.0.1', PORT))
            return sock.recv(5)

    run = stream if dispatch == 'start_server' else datagrams
    assert asyncio.run(run()) == b'hello' and seen == [world.vpn.cookie]


def test_that_one_would_notice():
    assert listening(PORT) and listening(PORT, 'udp')
    with pytest.raises(OSError, match='in use'):
        socket.create_server(('', PORT))
