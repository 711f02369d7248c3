# SPDX-License-Identifier: MIT
"""When a socket moves to the other side of XREDIRECT_LOCAL, and when it must not."""

import pytest

from support.preloaded import is_musl

LOCAL = '127.1.0.0/16'

REFUSED = 'by_sendto(sock, other): ENETUNREACH\nfirst: good\n'
SILENCE = 'recv(ear, text, sizeof(text), 0): EAGAIN\n'
TWO_THREADS = ''.join(
    f'-- {call}, first 127.0.0.5\n{REFUSED}sock: there\n{SILENCE}'
    f'-- {call}, first 127.1.2.3\n{REFUSED}sock: here\n{SILENCE}'
    for call in ('sendto', 'sendmsg', 'connect'))
LOOKED = f'''\
-- looked
by_sendto(sock, LISTED): ENETUNREACH
first.result: 4
sock: there
{SILENCE}'''
OTHERS = f'''\
-- another socket
by_sendto(fd, LISTED): 4
fd: here
{LOOKED}\
-- cancelled
by_sendto(sock, LISTED): 4
sock: here
-- jumped
by_sendto(sock, LISTED): 4
sock: here
'''
HANDLERS = ''.join(
    f'-- {name}\n'
    'by_sendto(other, UNLISTED): 4\n'
    'by_sendto(other, LISTED): ENETUNREACH\n'
    'by_sendto(sock, LISTED): ENETUNREACH\n'
    'by_sendto(sock, UNLISTED): 4\n'
    f'sock: there\n{SILENCE}'
    for name in ('a handler', 'on a stack below', 'on a stack above',
                 'on a stack that is taken off'))
HANDLERS += ''.join(
    f'-- interrupted, looked for {address}\n'
    'by_sendto(sock, LISTED): 4\n'
    f'by_sendto(sock, address): {result}\n'
    f'sock: here\n{SILENCE}'
    for address, result in (('127.1.2.3', '4'), ('127.0.0.5', 'ENETUNREACH')))
COROUTINE = '''\
-- a coroutine
by_sendto(sock, LISTED): ENETUNREACH
by_sendto(sock, UNLISTED): 4
sock: there
''' + SILENCE
END = f'''\
-- a child
by_sendto(fd, LISTED): 4
fd: here
-- ended often
by_sendto(sock, LISTED): 4
sock: here
{LOOKED}\
by_sendto(fd, UNLISTED): 4
'''


def test_not_under_a_call(build, program, libxredirect, redirected):
    """Of two calls with one socket at once, one fails, and what the other sends goes where it should."""
    pause = build / 'tests/redirect/libredirect_pause.so'
    result = redirected([program('between')], XREDIRECT_LOCAL=LOCAL,
                        LD_PRELOAD=f'{libxredirect} {pause}')
    assert result.stdout == TWO_THREADS + OTHERS + HANDLERS + ('' if is_musl() else COROUTINE) + END
    assert result.returncode == 0
    assert 'a thread, an epoll set or an io_uring uses the socket' in result.stderr


INSIDE = f'''\
-- looked at
send_to(sock, "word", AF_INET, LISTED, PORT): ENETUNREACH
send_to(sock, "word", AF_INET, UNLISTED, PORT): 4
sock: there
{SILENCE}-- moved
send_to(other, "word", AF_INET, LISTED, PORT): 4
other: here
send_to(other, "word", AF_INET, UNLISTED, PORT): ENETUNREACH
send_to(sock, "word", AF_INET, UNLISTED, PORT): 4
send_to(sock, "word", AF_INET, LISTED, PORT): 4
sock: here
{SILENCE}-- jumped out of
jumps: 10
all_descriptors() - before: 0
-- a child
send_to(other, "word", AF_INET, UNLISTED, PORT): 4
status: 0
send_to(sock, "word", AF_INET, LISTED, PORT): 4
sock: here
{SILENCE}'''


@pytest.mark.parametrize('how', [[], ['unshare', '--pid', '--fork']])
def test_in_the_middle_of_a_move(program, libxredirect, redirected, how):
    """Of another thread's look, and of a handler; also where /proc is that of another pid namespace."""
    # only the program is for the libc that the library is for
    result = redirected([*how, 'sh', '-c', 'LD_PRELOAD=$0 exec "$@"', libxredirect,
                         program('inside')], LD_PRELOAD='', XREDIRECT_LOCAL=LOCAL)
    assert result.stdout == INSIDE
    assert result.returncode == 0


BOUND = ''.join(f'''\
-- {any_address}
send_to(fd, "word", domain, listed, PORT): 4
fd: here
port_of(fd) > 0: 1
get_int(fd, SOL_SOCKET, SO_BROADCAST): 1
epoll_wait(set, &event, 1, 10000): 1
recv(fd, text, sizeof(text), 0): 6
send_to(fd, "word", domain, unlisted, PORT): ENETUNREACH
send_to(fd, "word", domain, listed, PORT): 4
''' for any_address in ('0.0.0.0', '::')) + '''\
-- connected
connect_to(fd, AF_INET, LISTED, PORT): EINPROGRESS
fd: here
poll(&server, 1, 10000): 1
-- used
sent: there
connected: there
received: there
of a port: there
of an address: there
in a child: sent, here
in its parent: sent, here
-- listening
connect_to(fd, AF_INET, LISTED, PORT): ENETUNREACH
fd: there
-- bound twice
bind_to(fd, AF_INET, LISTED, 0): EINVAL
fd: there
send_to(fd, "word", AF_INET, LISTED, PORT): 4
fd: here
-- without a port
here: here
connect_to(here, AF_INET, UNLISTED, PORT): ENETUNREACH
here: here
connect_to(there, AF_INET, LISTED, PORT): ENETUNREACH
there: there
connect_to(anything, AF_INET, LISTED, PORT): EINPROGRESS
anything: here
'''


def test_bound_to_anything(program, redirected):
    """Where such a socket belongs is said by the first address it is used with."""
    result = redirected([program('bound')], XREDIRECT_LOCAL=LOCAL)
    assert (result.stdout, result.returncode) == (BOUND, 0)
