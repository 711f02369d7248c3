# SPDX-License-Identifier: MIT
"""Each system call that a bridge makes for a stream fails, where it never does by itself."""

import contextlib
import os
import signal
import socket
import subprocess

import pytest

from support import streams
from support.wait import require, wait_until

INJECTED = [('accept4', 'ENOBUFS'), ('accept4', 'EMFILE'), ('accept4', 'ENFILE'),
            ('accept4', 'ECONNABORTED'), ('accept4', 'EPERM'), ('socket', 'ENOBUFS'),
            ('socket', 'ENFILE'), ('connect', 'ENOBUFS'), ('connect', 'EAGAIN'),
            ('connect', 'ENETDOWN'), ('setsockopt', 'ENOPROTOOPT'), ('setsockopt', 'ENOMEM'),
            ('getsockopt', 'ENOPROTOOPT'), ('epoll_ctl', 'ENOMEM'), ('epoll_ctl', 'ENOSPC'),
            ('epoll_wait,epoll_pwait,epoll_pwait2', 'EINTR'),
            ('recvfrom,recvmsg,read,readv', 'ENOMEM'),
            ('sendto,sendmsg,write,writev', 'ENOBUFS'), ('sendto,sendmsg,write,writev', 'ENOMEM'),
            ('splice', 'ENOMEM'), ('splice', 'EINVAL'), ('pipe2', 'EMFILE'), ('pipe2', 'ENFILE'),
            ('fcntl', 'EPERM'), ('shutdown', 'ENOTCONN')]
HARMLESS = {'setsockopt', 'getsockopt', 'pipe2', 'fcntl', 'epoll_wait,epoll_pwait,epoll_pwait2'}


@pytest.mark.parametrize('calls, error', INJECTED)
def test_calls_that_fail(forward, tmp_path, calls, error):
    """Every third of them, for a while. A stream arrives whole, or is seen to have been broken."""
    ends = forward()
    with injecting(ends.bridge.pid, tmp_path / 'trace', calls, error):
        outcomes = [attempt(ends) for _ in range(12)]
    if calls in HARMLESS:
        assert set(outcomes) == {'served'}
    assert set(outcomes) <= {'served', 'broken'}
    assert ends.bridge.process.poll() is None
    ends.forget()
    ends.works()


def attempt(ends):
    """A large transfer each way: 'served', or 'broken' where both or one of them saw that."""
    size = 1 << 20
    ends.forget()
    pair = ends.attended()
    if not pair:
        return 'broken'
    client, server = pair
    with client, server:
        def send(sock, seed):
            """Whether that went well. An error is told once, so the reader may then see an end."""
            try:
                sock.sendall(streams.data(size, seed))
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                return False
            return True

        tasks = [streams.Task(send, client, 1), streams.Task(send, server, 2),
                 streams.Task(streams.ending, client)]
        there = streams.ending(server)
        sent_1, sent_2, back = (task.result() for task in tasks)
    for (received, how), seed, told in ((there, 1, not sent_2), (back, 2, not sent_1)):
        assert streams.data(size, seed).startswith(received)
        assert how != 'EOF' or len(received) == size or told, f'{len(received)} bytes, a clean end'
    return 'served' if there[1] == back[1] == 'EOF' and sent_1 and sent_2 else 'broken'


@contextlib.contextmanager
def injecting(pid, log, calls, error):
    """strace(1) makes each third of these calls of a process fail for as long as this lasts."""
    require('strace')
    argv = ['strace', '-f', '-qq', '-o', log, '-e', f'trace={calls}',
            '-e', f'inject={calls}:error={error}:when=2+3', '-p', str(pid)]
    with subprocess.Popen(argv) as tracer:
        try:
            threads = os.listdir(f'/proc/{pid}/task')
            wait_until(lambda: all(traced(pid, thread) for thread in threads))
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()


def traced(pid, thread):
    with open(f'/proc/{pid}/task/{thread}/status', encoding='ascii') as status:
        return 'TracerPid:\t0\n' not in list(status)
