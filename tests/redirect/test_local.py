# SPDX-License-Identifier: MIT
"""XREDIRECT_LOCAL: what is in the list is used from here, with all that was set, and nothing else."""

import socket
import subprocess

import pytest

from support.wait import skip

PYTHON = '/usr/bin/python3'

LOCAL = '127.1.0.0/16,127.0.0.1:2000-2999,[::1]:2000-2999'
# Programs of tests/preload, which bind to ports from 3000 to 3099 and to 0 what they have prepared.
CARRIED = ['options', 'descriptors', 'families', 'threads', 'children', 'forking', 'pages', 'sets', 'races',
           'daemons', 'ownership']
BOUND = ','.join(f'{network}:{ports}' for network in ('0.0.0.0/0', '[::]/0')
                 for ports in ('3000-3099', '0'))


def test_reach(same):
    transcript = same('reach', XREDIRECT_LOCAL=LOCAL)
    assert 'is_right(place, fd): 0' not in transcript
    assert transcript.count('is_right(place, fd): 1') == 64
    assert transcript.count('is_right(place, fd) + is_right(place, same): 2') == 8


@pytest.mark.parametrize('name', CARRIED)
def test_what_a_socket_has_goes_with_it(name, build, here, redirected):
    """Bound to an address in the list, it is one of this namespace, and as it was."""
    argv = [str(build / 'tests/preload' / name)]
    cookie = str(here.cookie())
    inside = redirected(argv, LD_PRELOAD='', TARGET_COOKIE=cookie)
    outside = redirected(argv, XREDIRECT_LOCAL=BOUND, TARGET_COOKIE=cookie)
    assert outside.stdout == inside.stdout
    assert (outside.returncode, outside.stderr) == (inside.returncode, '') == (0, '')


def test_threads_that_share_a_socket(same):
    """It is moved once, and that is for all of them."""
    assert same('shared', XREDIRECT_LOCAL=LOCAL) == \
        'send: good 120, failed 0\nbind: good 120, failed 360\n'


def test_what_is_no_address(same):
    """Nor a message, nor a socket: the kernel says so, as it does without the library."""
    transcript = same('garbage', XREDIRECT_LOCAL=LOCAL)
    assert transcript.count('EFAULT') > 1000


BACK = '''\
-- back
bind_to(fd, AF_INET, LISTED, PORT): EADDRINUSE
fd: here
bind_to(there, AF_INET, UNLISTED, PORT): 0
send_to(same, "back", AF_INET, UNLISTED, PORT): 4
fd: there
same: there
recv(there, text, sizeof(text), 0): 4
send_to(fd, "fine", AF_INET, LISTED, PORT): ENETUNREACH
connect_to(fd, AF_INET, LISTED, PORT): ENETUNREACH
fd: there
send_to(udp6, "back", AF_INET6, "::ffff:" UNLISTED, PORT): 4
udp6: there
-- mixed
sendmmsg(fd, messages, 4, 0): 2
sendmmsg(fd, messages + 2, 2, 0): ENETUNREACH
sendmmsg(fd, messages, 4, 0): 2
sendmmsg(fd, messages + 3, 1, 0): 1
fd: here
leaked: 0
'''


def test_what_was_moved_here_reaches_nobody_else(program, redirected):
    """By any call, in any order, in any process."""
    outside = redirected([program('strict')], XREDIRECT_LOCAL=LOCAL)
    assert outside.returncode == 0
    said, _, back = outside.stdout.partition('-- back\n')
    assert '-- back\n' + back == BACK
    # datagram sockets, in three processes, and those of streams, which stay used, and bound ones
    assert said.count('sizeof(to)): ENETUNREACH') > 10
    for part in said.split('-- ')[1:]:
        if part.startswith(('tcp', 'refused', 'reset', 'bound')):
            assert part.endswith('fd: here\n')
        elif not part.startswith('a child'):
            assert 'fd: there\n' in part
    assert all('XREDIRECT_LOCAL' in line or 'further errors' in line
               for line in outside.stderr.splitlines())


SERVER = """
import socket
with socket.socket(type=socket.SOCK_DGRAM) as sock:
    sock.bind(('127.0.0.1', 2000))
    print(flush=True)
    sock.sendto(b'answer', sock.recvfrom(10)[1])
"""


@pytest.mark.parametrize('local, answers', [('127.0.0.1:2000', False), ('127.0.0.1', True)])
def test_a_server_of_datagrams(local, answers, environment):
    """Its clients are addresses like any other."""
    with socket.socket(type=socket.SOCK_DGRAM) as client, subprocess.Popen(
            [PYTHON, '-c', SERVER], env=environment(XREDIRECT_LOCAL=local), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        client.settimeout(20)
        assert server.stdout.readline() == '\n'
        client.sendto(b'question', ('127.0.0.1', 2000))
        assert not answers or client.recv(10) == b'answer'
        errors = server.communicate(timeout=20)[1]
    assert (server.returncode == 0) == answers
    assert answers or ('clients that it is to answer belong into the list with all ports' in errors
                       and 'Network is unreachable' in errors)


def test_who_listens_there_would_hear_it(program, redirected):
    """That the test above proves something."""
    bare = redirected([program('strict')], LD_PRELOAD='')
    assert bare.stdout.endswith('leaked: 1\n')


SIDES = '''\
-- after its context
fd: here
send_to(fd, "late", AF_INET, UNLISTED, PORT): ENETUNREACH
fd: here
send_to(fd, "fine", AF_INET, LISTED, PORT): 4
send_to(second, "late", AF_INET, UNLISTED, PORT): 4
second: other
-- of a context
send_to(fd, "there", AF_INET, UNLISTED, PORT): 5
fd: there
send_to(fd, "here", AF_INET, LISTED, PORT): 4
fd: here
-- of this namespace
send_to(fd, "here", AF_INET, UNLISTED, PORT): 4
send_to(fd, "here", AF_INET, LISTED, PORT): 4
send_to(fd, "here", AF_INET, UNLISTED, PORT): 4
fd: here
send_to(given, "given", AF_INET, UNLISTED, PORT): 5
send_to(given, "given", AF_INET, LISTED, PORT): 5
connect_to(given, AF_INET, UNLISTED, PORT): 0
given: here
bind_to(bound, AF_INET, LISTED, PORT): 0
send_to(bound, "bound", AF_INET, UNLISTED, PORT): 5
bound: here
'''


def test_contexts_that_have_ended_and_what_is_of_this_namespace(vpn, other, program, redirected):
    """A socket moves when it is used, whatever the context is then; what was given stays."""
    outside = redirected([program('sides')], XREDIRECT=None, XREDIRECT_LOCAL=LOCAL,
                         SERVER=vpn.server, OTHER_SERVER=other.server,
                         OTHER_COOKIE=str(other.cookie()))
    assert (outside.returncode, outside.stdout) == (0, SIDES)
    assert outside.stderr.count('\n') == 1
    assert 'the socket was made for an address in XREDIRECT_LOCAL' in outside.stderr


def test_each_move_is_told_at_debug(program, redirected):
    outside = redirected([program('reach')], XREDIRECT_LOCAL=LOCAL, XREDIRECT_LOG='debug')
    lines = outside.stderr.splitlines()
    assert 'libxredirect: connect to 127.1.2.3:3100: the socket is one of this namespace now' in lines
    assert all('this namespace now' in line for line in lines)


def test_without_proc(program, libxredirect, redirected, sanitizer):
    """What else uses the socket cannot be found out: the call fails, and says why."""
    if sanitizer:
        skip('programs with a sanitizer do not start without /proc')
    # only the program is for the libc that the library is for
    outside = redirected(['unshare', '--mount', 'sh', '-c',
                          'mount -t tmpfs none /proc && LD_PRELOAD=$0 exec "$@"', libxredirect,
                          program('strict')], LD_PRELOAD='', XREDIRECT_LOCAL=LOCAL)
    assert outside.stdout.endswith(': ENETUNREACH\n')
    assert outside.stderr.count('\n') == 1 and '/proc is needed' in outside.stderr


CORNERS = '''\
-- by another name
__connect(fd, (struct sockaddr *)&at, length_of(&at)): 0
fd: here
-- messages
connect_to(fd, AF_INET, LISTED, PORT): 0
fd: here
sendmmsg(fd, both, 2, 0): 1
sendmmsg(fd, both + 1, 1, 0): ENETUNREACH
sendmmsg(fd, both, 2, 0): 1
recv(server, text, sizeof(text), 0): 4
recv(ear, text, sizeof(text), 0): EAGAIN
-- accepted
bind(server, (struct sockaddr *)&at, length_of(&at)): 0
server: here
connect(fd, (struct sockaddr *)&none, sizeof(none)): 0
connect_to(fd, AF_INET, UNLISTED, PORT): ENETUNREACH
accept(ear, NULL, NULL): EAGAIN
-- stream
connect_to(fd, AF_INET, LISTED, PORT): 0
send_to(fd, "text", AF_INET, UNLISTED, PORT): 4
fd: here
-- marked by somebody else
send_to(fd, "word", AF_INET, LISTED, PORT): 4
fd: here
recv(server, text, sizeof(text), 0): 4
send_to(used, "word", AF_INET, LISTED, PORT): ENETUNREACH
used: there
recv(ear, text, sizeof(text), 0): EAGAIN
-- with a route of its own
send_to(recording, "word", AF_INET, LISTED, PORT): 4
recording: here
send_to(fd, "word", AF_INET, LISTED, PORT): ENETUNREACH
fd: there
'''


def test_corners(program, redirected):
    result = redirected([program('corners')], XREDIRECT_LOCAL=LOCAL)
    assert (result.stdout, result.returncode) == (CORNERS, 0)
