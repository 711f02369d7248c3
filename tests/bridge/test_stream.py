# SPDX-License-Identifier: MIT
"""A connection through the bridge behaves as one without it: ends, resets, failures to connect.

`joined` runs a test twice: over a direct connection, so that it is known to ask for what the kernel
does, and over the bridge.
"""

import errno
import select
import socket
import time

import pytest

from support import streams
from support.wait import wait_until


def test_client_ends_first(joined):
    """It sends its FIN and still reads for as long as the server likes."""
    client, server = joined.pair()
    client.sendall(b'question')
    client.shutdown(socket.SHUT_WR)
    assert streams.read_all(server) == b'question'
    for piece in (b'the', b'long', b'answer'):
        server.sendall(piece)
        assert streams.read_exactly(client, len(piece)) == piece
    server.close()
    assert streams.ending(client) == (b'', 'EOF')


def test_server_ends_first(joined):
    client, server = joined.pair()
    server.sendall(b'greeting')
    server.shutdown(socket.SHUT_WR)
    assert streams.read_all(client) == b'greeting'
    for piece in (b'and', b'still', b'more'):
        client.sendall(piece)
        assert streams.read_exactly(server, len(piece)) == piece
    client.close()
    assert streams.ending(server) == (b'', 'EOF')


def test_both_end_at_once(joined):
    client, server = joined.pair()
    for sock in (client, server):
        sock.sendall(b'bye')
        sock.shutdown(socket.SHUT_WR)
    for sock in (client, server):
        assert streams.ending(sock) == (b'bye', 'EOF')


def test_end_without_a_byte(joined):
    client, server = joined.pair()
    client.shutdown(socket.SHUT_WR)
    assert streams.ending(server) == (b'', 'EOF')
    assert not streams.readable(client, 0)
    server.shutdown(socket.SHUT_WR)
    assert streams.ending(client) == (b'', 'EOF')


def swapped(pair, who):
    """(The one that acts, the other one)."""
    return pair if who == 'client' else pair[::-1]


each_way = pytest.mark.parametrize('who', ['client', 'server'])


@each_way
def test_end_is_not_passed_on_before_it_comes(joined, who):
    """A side that is only silent keeps the connection as it is."""
    one, other = swapped(joined.pair(), who)
    one.sendall(b'x')
    assert streams.read_exactly(other, 1) == b'x'
    other.shutdown(socket.SHUT_WR)
    assert streams.ending(one) == (b'', 'EOF')
    one.sendall(b'y')
    assert streams.read_exactly(other, 1) == b'y'
    poll = select.poll()
    poll.register(other, select.POLLIN | select.POLLRDHUP)
    assert poll.poll(0) == []


@each_way
def test_reset(joined, who):
    one, other = swapped(joined.pair(), who)
    streams.reset(one)
    assert streams.ending(other) == (b'', 'ECONNRESET')


@each_way
def test_reset_after_data(joined, who):
    """What was read before it is what was sent, and there is no clean end."""
    one, other = swapped(joined.pair(), who)
    sent = streams.data(100_000)
    one.sendall(sent)
    start = streams.read_exactly(other, 1000)
    streams.reset(one)
    rest, how = streams.ending(other)
    assert how == 'ECONNRESET'
    assert sent.startswith(start + rest)


@each_way
def test_reset_behind_data_that_nobody_reads(joined, who):
    """It is not behind the data: who does not read hears of it nevertheless."""
    one, other = swapped(joined.pair(), who)
    streams.fill(one, 64 << 20)
    streams.reset(one)
    assert streams.error_of(other) == 'ECONNRESET'


@each_way
def test_reset_by_who_has_ended(joined, who):
    """FIN, then RST: Linux tells EPIPE to who has seen the first already (tcp_reset())."""
    one, other = swapped(joined.pair(), who)
    one.shutdown(socket.SHUT_WR)
    assert streams.ending(other) == (b'', 'EOF')
    streams.reset(one)
    assert streams.error_of(other) == 'EPIPE'


@each_way
def test_reset_of_who_has_ended(joined, who):
    """A server that is asked, and ends with RST instead of an answer."""
    one, other = swapped(joined.pair(), who)
    one.sendall(b'question')
    one.shutdown(socket.SHUT_WR)
    assert streams.read_all(other) == b'question'
    streams.reset(other)
    assert streams.ending(one) == (b'', 'ECONNRESET')


@each_way
def test_close_with_something_unread(joined, who):
    """The kernel makes that a reset."""
    one, other = swapped(joined.pair(), who)
    other.sendall(b'you will not read this')
    assert streams.readable(one)
    one.close()
    assert streams.ending(other) == (b'', 'ECONNRESET')


@each_way
def test_sending_to_who_has_closed(joined, who):
    """Its FIN said nothing about that. The answer to what is sent then is a reset."""
    one, other = swapped(joined.pair(), who)
    one.close()
    assert streams.ending(other) == (b'', 'EOF')
    other.sendall(b'is anybody there?')
    assert streams.error_of(other) == 'EPIPE'


@each_way
def test_reset_while_the_other_side_sends(joined, who):
    one, other = swapped(joined.pair(), who)
    task = streams.Task(other.sendall, bytes(64 << 20))
    assert streams.readable(one)
    streams.reset(one)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        task.result()


@each_way
def test_sender_is_held_back(joined, who):
    """Who is not read from is stopped after what buffers hold, and loses nothing."""
    one, other = swapped(joined.pair(), who)
    sent = streams.fill(one, 64 << 20)
    task = streams.Task(streams.read_exactly, other, sent)
    assert task.result() == streams.filled(sent)
    one.sendall(b'end')
    assert streams.read_exactly(other, 3) == b'end'


def test_nobody_reads_and_then_both_do(joined):
    client, server = joined.pair()
    there, back = streams.fill(client, 64 << 20), streams.fill(server, 64 << 20)
    tasks = [streams.Task(streams.read_exactly, server, there),
             streams.Task(streams.read_exactly, client, back)]
    assert [task.result() for task in tasks] == [streams.filled(there), streams.filled(back)]
    client.close()
    assert streams.ending(server) == (b'', 'EOF')


def test_one_direction_goes_on_while_the_other_is_stuck(joined):
    client, server = joined.pair()
    sent = streams.fill(client, 64 << 20)
    task = streams.Task(server.sendall, streams.data(4 << 20))
    assert streams.read_exactly(client, 4 << 20) == streams.data(4 << 20)
    task.result()
    server.shutdown(socket.SHUT_WR)
    assert streams.ending(client) == (b'', 'EOF')
    assert streams.Task(streams.read_exactly, server, sent).result() == streams.filled(sent)


def test_refused_there_is_a_reset_here(forward):
    ends = forward(serve=False)
    for _ in range(20):
        assert ends.connect_and_end() == (b'', 'ECONNRESET')
    ends.serve()
    ends.works()


def test_refused_with_a_question_on_its_way(forward):
    """What a client has to say makes no difference."""
    ends = forward(serve=False)
    for _ in range(20):
        with pytest.raises(OSError) as refused:
            with ends.connect() as client:
                client.sendall(b'question')
                client.shutdown(socket.SHUT_WR)
                streams.read_all(client)
        # the last one is shutdown(2)'s, where the reset has come
        assert refused.value.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)


@pytest.mark.parametrize('kind', ['unreachable', 'blackhole', 'prohibit'])
def test_no_way_there(forward, kind):
    ends = forward(connect='tcp:10.9.9.9:5000', serve=False)
    ends.far.run(['ip', 'route', 'add', kind, '10.9.9.9'])
    assert ends.connect_and_end() == (b'', 'ECONNRESET')


def deaf(ends):
    """A server that answers no SYN: its queue is full, and two of the kernel's answers are late."""
    ends.serve(backlog=0)
    queued = [ends.keep(streams.connect(ends.far, ends.connect_to))]
    sock, where = streams.client(ends.far, ends.connect_to)
    ends.keep(sock).setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.connect(where)
    wait_until(lambda: syn_sent(ends.far) == 1)
    return [*queued, sock]


def syn_sent(namespace):
    """How many connections of a namespace wait for an answer to their SYN."""
    with namespace.entered(), open('/proc/thread-self/net/tcp', encoding='ascii') as table:
        return sum(line.split()[3] == '02' for line in list(table)[1:])


def test_no_answer_in_time(forward):
    """--connect-timeout, and a reset; a connection that is under way keeps nobody else waiting."""
    ends = forward('--connect-timeout', 1, serve=False)
    deaf(ends)
    begin = time.monotonic()
    assert ends.connect_and_end() == (b'', 'ECONNRESET')
    assert 0.9 <= time.monotonic() - begin < 8
    wait_until(lambda: syn_sent(ends.far) == 1)  # it gave up


def test_late_answer(forward):
    """What the client has sent, and its end, wait for the target."""
    ends = forward(serve=False)
    others = deaf(ends)
    client = ends.connect()
    wait_until(lambda: syn_sent(ends.far) == 2)
    client.sendall(streams.data(50_000))
    client.shutdown(socket.SHUT_WR)
    for other in others:
        other.close()
    while not (received := streams.read_all(ends.accept())):
        pass  # those of deaf()
    assert received == streams.data(50_000)


def test_client_that_is_reset_before_the_target_answers(forward):
    """Nothing is kept of it, long before the target is given up."""
    ends = forward('--connect-timeout', 60, serve=False)
    deaf(ends)
    clients = [ends.connect() for _ in range(10)]
    wait_until(lambda: syn_sent(ends.far) == 11)
    for client in clients:
        streams.reset(client)
    wait_until(lambda: syn_sent(ends.far) == 1)


def test_idle_timeout(forward):
    ends = forward('--idle-timeout', 1)
    client, server = ends.pair()
    begin = time.monotonic()
    assert streams.ending(client)[1] in ('EOF', 'ECONNRESET')
    assert 0.9 <= time.monotonic() - begin < 8
    assert streams.ending(server)[1] in ('EOF', 'ECONNRESET')


@each_way
def test_a_connection_with_traffic_is_not_idle(forward, who):
    """Traffic one way is enough."""
    ends = forward('--idle-timeout', 1)
    one, other = swapped(ends.pair(), who)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        one.sendall(b'x')
        assert streams.read_exactly(other, 1) == b'x'
        time.sleep(0.02)  # the time that is tested, not one that is waited for
    other.sendall(b'y')
    assert streams.read_exactly(one, 1) == b'y'


def test_idle_timeout_of_one_that_has_half_ended(forward):
    ends = forward('--idle-timeout', 1)
    client, server = ends.pair()
    client.shutdown(socket.SHUT_WR)
    assert streams.read_all(server) == b''
    assert streams.ending(client)[1] in ('EOF', 'ECONNRESET')
    server.close()
    ends.works()
