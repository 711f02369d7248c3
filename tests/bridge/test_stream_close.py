# SPDX-License-Identifier: MIT
"""No byte is lost, added or out of place: however much, whoever ends first, by whatever sockets."""

import socket
import subprocess
import sys

import pytest

from support import streams
from support.wait import require, wait_until

SIZES = [0, 1, 64, 100_000, 4 << 20, 64 << 20]


def send(sock, size, seed):
    sock.sendall(streams.data(size, seed))
    sock.shutdown(socket.SHUT_WR)


def same(received, size, seed):
    """Not by ==, of which pytest would print megabytes."""
    assert len(received) == size
    assert streams.first_difference(received, streams.data(size, seed)) is None


def ask(one, other, size):
    """One sends, ends, and reads the answer."""
    task = streams.Task(send, one, size, 1)
    same(streams.read_all(other), size, 1)
    task.result()
    task = streams.Task(send, other, size, 2)
    same(streams.read_all(one), size, 2)
    task.result()


def both(one, other, size):
    """Both send at once, end, and read what comes."""
    tasks = [streams.Task(send, one, size, 1), streams.Task(send, other, size, 2)]
    back = streams.Task(streams.read_all, one)
    same(streams.read_all(other), size, 1)
    same(back.result(), size, 2)
    for task in tasks:
        task.result()


def close(one, other, size, piece=1 << 18):
    """One sends and is gone, long before the other one has read it all."""
    def send_and_close():
        with one:
            one.sendall(streams.data(size, 1))

    task = streams.Task(send_and_close)
    task.join(0.1)  # most often all has been sent by then, and nothing been read
    same(streams.read_all(other, piece), size, 1)
    task.result()


def slow(one, other, size):
    """As `close`, to one who reads little at a time."""
    close(one, other, size, piece=1000)


@pytest.mark.parametrize('who', ['client', 'server'])
@pytest.mark.parametrize('how', [ask, both, close, slow])
@pytest.mark.parametrize('size', SIZES)
def test_all_arrives(forward, size, how, who):
    ends = forward()
    for _ in range(3 if size < 1 << 20 else 1):
        pair = ends.pair()
        how(*(pair if who == 'client' else pair[::-1]), size)
        for sock in pair:
            sock.close()


SMALL = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]


@pytest.mark.parametrize('who', ['client', 'server'])
def test_all_arrives_through_a_narrow_pass(forward, who):
    """Where the reader takes only a few kilobytes at a time."""
    ends = forward(server={'options': SMALL})
    pair = ends.pair(options=SMALL)
    slow(*(pair if who == 'client' else pair[::-1]), 1 << 20)


def test_many_small_ones_that_end_at_once(forward):
    """Sent and closed before the bridge has even connected to the target."""
    ends = forward()
    for round in range(300):
        with ends.connect() as client:
            client.sendall(b'%d' % round)
        with ends.accept() as server:
            assert streams.ending(server) == (b'%d' % round, 'EOF')


def test_server_that_speaks_and_closes_before_it_is_asked(forward):
    ends = forward()
    for round in range(300):
        client, server = ends.pair()
        with server:
            server.sendall(b'%d' % round)
        with client:
            assert streams.ending(client) == (b'%d' % round, 'EOF')


@pytest.mark.parametrize('connect', ['tcp:127.0.0.1:5000', 'unix:@target'])
def test_server_that_speaks_and_is_gone_at_once(forward, connect):
    """All that happens before the bridge has looked at the new connection once."""
    ends = forward(connect=connect)

    def serve():
        for _ in range(300):
            with ends.accept() as server:
                server.sendall(b'greeting')

    task = streams.Task(serve)
    for _ in range(300):
        with ends.connect() as client:
            assert streams.ending(client) == (b'greeting', 'EOF')
    task.result()


def test_pieces_of_all_sizes(forward):
    """Exchanges that grow from bytes to megabytes and shrink again, over one connection."""
    ends = forward()
    client, server = ends.pair()
    sizes = [1 << shift for shift in range(0, 22)]
    for seed, size in enumerate(sizes + sizes[::-1]):
        for one, other in ((client, server), (server, client)):
            task = streams.Task(one.sendall, streams.data(size, seed))
            same(streams.read_exactly(other, size), size, seed)
            task.result()


KINDS = {'v4': 'tcp:127.0.0.1:{}', 'v6': 'tcp:[::1]:{}', 'path': 'unix:{}/{}', 'name': 'unix:@{}'}


def endpoint(kind, number, directory):
    return KINDS[kind].format(*([directory] if kind == 'path' else []), number)


@pytest.mark.parametrize('there', KINDS)
@pytest.mark.parametrize('here', KINDS)
def test_all_kinds_of_sockets(forward, directory, here, there):
    ends = forward(listen=endpoint(here, 4000, directory), connect=endpoint(there, 5000, directory))
    for how in (ask, both, close):
        for size in (0, 100_000, 4 << 20):
            for turn in (1, -1):
                pair = ends.pair()[::turn]
                how(*pair, size)
                for sock in pair:
                    sock.close()


@pytest.mark.parametrize('listen', ['tcp::4000', 'tcp:*:4000', 'tcp:[::]:4000'])
def test_every_address_of_both_kinds(forward, listen):
    """One listener for IPv4 and IPv6."""
    ends = forward(listen=listen, connecting=',as-local')
    for text in ('tcp:127.0.0.1:4000', 'tcp:[::1]:4000'):
        ends.listen = text
        ends.works()


def test_several_forwards_in_one_process(netns, bridge):
    """Each goes where it is told."""
    near, far = netns(), netns()
    args = []
    for number in range(10):
        args += ['--listen', f'tcp:127.0.0.1:{4000 + number},netns={near.name}',
                 '--connect', f'tcp:127.0.0.1:{5000 + number},netns={far.name}']
    bridge(*args)
    for number in range(10):
        with streams.listen(far, f'tcp:127.0.0.1:{5000 + number}') as listener, \
                streams.connect(near, f'tcp:127.0.0.1:{4000 + number}') as client:
            server, _ = listener.accept()
            with server:
                client.sendall(b'%d' % number)
                assert streams.read_exactly(server, 1) == b'%d' % number


def test_other_programs(forward, tmp_path):
    """curl, from Python's file server, 64 MB."""
    content = streams.data(64 << 20)
    (tmp_path / 'file').write_bytes(content)
    ends = forward(serve=False)
    server = ends.far.popen([sys.executable, '-m', 'http.server', '--bind', '127.0.0.1',
                             '--directory', tmp_path, '5000'], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: ends.far.listening(5000))
        got = ends.near.run([require('curl'), '-sf', 'http://127.0.0.1:4000/file'], text=False,
                            stdout=subprocess.PIPE).stdout
        same(got, 64 << 20, 0)
    finally:
        server.kill()
        server.wait()
