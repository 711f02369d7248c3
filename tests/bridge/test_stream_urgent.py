# SPDX-License-Identifier: MIT
"""Urgent data keeps its place in the stream, each way: tcp(7), SIOCATMARK and MSG_OOB."""

import select
import socket

import pytest

from support import streams

OOB = socket.MSG_OOB
each_way = pytest.mark.parametrize('who', ['client', 'server'])


@pytest.fixture
def sides(joined):
    """sides('client'): (who sends, who receives)."""
    return lambda who: joined.pair()[::1 if who == 'client' else -1]


def wait_ended(sock):
    """Until all has come that will: the other side's end is behind it."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    assert poll.poll(streams.PATIENCE * 1000)


@each_way
def test_place(sides, who):
    one, other = sides(who)
    one.sendall(b'before')
    one.send(b'!', OOB)
    one.sendall(b'after')
    one.shutdown(socket.SHUT_WR)
    assert streams.read_marked(other) == (b'beforeafter', [(6, b'!')])


@each_way
def test_place_for_who_reads_late(sides, who):
    one, other = sides(who)
    one.sendall(b'before')
    one.send(b'!', OOB)
    one.sendall(b'after')
    one.shutdown(socket.SHUT_WR)
    wait_ended(other)
    assert streams.read_marked(other) == (b'beforeafter', [(6, b'!')])


@each_way
def test_inline(sides, who):
    """SO_OOBINLINE: it is a byte like others, with the mark in front of it."""
    one, other = sides(who)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    one.sendall(b'before')
    one.send(b'!', OOB)
    one.sendall(b'after')
    one.shutdown(socket.SHUT_WR)
    wait_ended(other)
    assert streams.read_exactly(other, 6) == b'before'
    assert streams.at_mark(other)
    assert streams.read_all(other) == b'!after'


@each_way
def test_told_before_what_is_in_front_of_it_is_read(sides, who):
    one, other = sides(who)
    one.sendall(b'a long story')
    one.send(b'!', OOB)
    poll = select.poll()
    poll.register(other, select.POLLPRI)
    assert poll.poll(streams.PATIENCE * 1000)
    other.setblocking(False)
    assert other.recv(1, OOB) == b'!'
    other.settimeout(streams.PATIENCE)
    assert streams.read_exactly(other, 12) == b'a long story'
    assert streams.at_mark(other)


@each_way
def test_first_byte(sides, who):
    one, other = sides(who)
    one.send(b'!', OOB)
    one.sendall(b'after')
    one.shutdown(socket.SHUT_WR)
    wait_ended(other)
    assert streams.read_marked(other) == (b'after', [(0, b'!')])


@each_way
def test_only_byte(sides, who):
    one, other = sides(who)
    one.send(b'!', OOB)
    assert streams.read_marked(other, 1) == (b'', [(0, b'!')])
    one.shutdown(socket.SHUT_WR)
    assert streams.read_marked(other) == (b'', [])
    other.sendall(b'answer')
    assert streams.read_exactly(one, 6) == b'answer'


@each_way
@pytest.mark.parametrize('before', [b'', b'before'])
def test_last_byte(sides, who, before):
    one, other = sides(who)
    one.sendall(before)
    one.send(b'!', OOB)
    one.close()
    wait_ended(other)
    assert streams.read_marked(other) == (before, [(len(before), b'!')])


@each_way
def test_last_of_a_send(sides, who):
    """MSG_OOB with more than a byte: only the last one is urgent."""
    one, other = sides(who)
    one.send(b'several!', OOB)
    one.sendall(b'after')
    one.shutdown(socket.SHUT_WR)
    wait_ended(other)
    assert streams.read_marked(other) == (b'severalafter', [(7, b'!')])


@each_way
def test_many_one_after_the_other(sides, who):
    one, other = sides(who)
    for number in range(100):
        byte = bytes([number])
        one.sendall(b'before')
        one.send(byte, OOB)
        assert streams.read_marked(other, 7) == (b'before', [(6, byte)])


@each_way
def test_many_without_a_byte_between_them(sides, who):
    one, other = sides(who)
    for number in range(100):
        byte = bytes([number])
        one.send(byte, OOB)
        assert streams.read_marked(other, 1) == (b'', [(0, byte)])


@each_way
def test_one_that_comes_before_the_last_one_was_read(sides, who):
    """It takes the other one's place, which is an ordinary byte then."""
    one, other = sides(who)
    for piece in (b'a', b'b', b'c'):
        one.sendall(piece)
        one.send(b'!', OOB)
    one.sendall(b'd')
    one.shutdown(socket.SHUT_WR)
    wait_ended(other)
    assert streams.read_marked(other) == (b'a!b!cd', [(5, b'!')])


@each_way
def test_in_the_middle_of_much(sides, who):
    one, other = sides(who)
    size = 4 << 20

    def send():
        one.sendall(streams.data(size, 1))
        one.send(b'!', OOB)
        one.sendall(streams.data(size, 2))
        one.shutdown(socket.SHUT_WR)

    task = streams.Task(send)
    received, urgent = streams.read_marked(other)
    task.result()
    assert urgent == [(size, b'!')]
    whole = streams.data(size, 1) + streams.data(size, 2)
    assert streams.first_difference(received, whole) is None


@each_way
def test_in_the_middle_of_much_for_who_takes_none(sides, who):
    """Nobody asks for the urgent byte: it is skipped, at its place, and all others come."""
    one, other = sides(who)
    size = 4 << 20

    def send():
        one.sendall(streams.data(size, 1))
        one.send(b'!', OOB)
        one.sendall(streams.data(size, 2))
        one.shutdown(socket.SHUT_WR)

    task = streams.Task(send)
    received = streams.read_all(other)
    task.result()
    whole = streams.data(size, 1) + streams.data(size, 2)
    assert streams.first_difference(received, whole) is None


@each_way
def test_behind_what_nobody_reads_yet(sides, who):
    """Buffers on the way are full, and more than 64 KiB are in front of it."""
    one, other = sides(who)
    size = streams.fill(one, 64 << 20)

    def send():
        one.send(b'!', OOB)
        one.sendall(b'after')
        one.shutdown(socket.SHUT_WR)

    one.setblocking(True)
    task = streams.Task(send)
    received, urgent = streams.read_marked(other)
    task.result()
    assert urgent == [(size, b'!')]
    assert streams.first_difference(received, streams.filled(size) + b'after') is None


def test_both_ways_at_once(joined):
    client, server = joined.pair()
    size = 1 << 20

    def send(sock):
        for seed in range(4):
            sock.sendall(streams.data(size, seed))
        sock.send(b'!', OOB)
        sock.sendall(b'after')
        sock.shutdown(socket.SHUT_WR)

    tasks = [streams.Task(send, sock) for sock in (client, server)]
    readers = [streams.Task(streams.read_marked, sock) for sock in (client, server)]
    for reader in readers:
        received, urgent = reader.result()
        assert urgent == [(4 * size, b'!')]
        whole = b''.join(streams.data(size, seed) for seed in range(4)) + b'after'
        assert streams.first_difference(received, whole) is None
    for task in tasks:
        task.result()


@pytest.mark.parametrize('connect', ['unix:@target', 'tcp:[::1]:5000'])
def test_to_another_kind_of_socket(forward, connect):
    """Unix streams have it too, since Linux 5.15, where the kernel was built so."""
    ends = forward(connect=connect)
    client, server = ends.pair()
    client.sendall(b'before')
    client.send(b'!', OOB)
    client.sendall(b'after')
    client.shutdown(socket.SHUT_WR)
    received = streams.read_all(server)
    assert received in (b'beforeafter', b'before!after')
    if connect.startswith('tcp'):
        assert received == b'beforeafter'
