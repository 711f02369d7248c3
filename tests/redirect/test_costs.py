# SPDX-License-Identifier: MIT
"""What is not redirected costs no system call more, and what is costs few."""

import collections
import shutil
import subprocess

import pytest

from support.wait import skip

LOCAL = '127.1.0.0/16'


@pytest.fixture
def calls(program, redirected, sanitizer):
    """calls(HOW, XREDIRECT=...): the names of the system calls of `costs HOW`."""
    if sanitizer == 'tsan':
        skip('ThreadSanitizer maps memory at any time')
    if not shutil.which('strace') or subprocess.run(['strace', '-qq', 'true'], check=False,
                                                    capture_output=True).returncode != 0:
        skip('strace does not work here')

    def run(how, library=None, **variables):
        # the library is for the program alone: strace may be for another libc
        env = [f'LD_PRELOAD={library}'] if library else []
        lines = redirected(['strace', '-qq', *(f'-E{one}' for one in env), program('costs'), how],
                           LD_PRELOAD='', **variables).stderr.splitlines()
        begin, end = (i for i, line in enumerate(lines) if line.startswith('getppid('))
        return [line.partition('(')[0] for line in lines[begin + 1:end]]
    return run


@pytest.mark.parametrize('variables', [
    {'XREDIRECT': None}, {'XREDIRECT': '.'}, {'XREDIRECT': None, 'XREDIRECT_POOL': '9'}])
@pytest.mark.parametrize('how', ['sockets', 'use'])
def test_nothing_is_redirected(how, variables, calls, libxredirect):
    bare = calls(how)
    assert calls(how, libxredirect, **variables) == bare
    assert len(bare) >= 6


def test_redirected_sockets_are_used(calls, libxredirect):
    """But for a look, in connect(2), whether it is a Unix address. It may be in two pages."""
    bare, found = calls('use'), calls('use', libxredirect)
    assert [call for call in found if call != 'rt_sigprocmask'] == bare
    assert 3 <= len(found) - len(bare) <= 6


def extra(bare, found):
    """What was called more often, and how often."""
    return collections.Counter(found) - collections.Counter(bare)


def test_with_a_list(calls, libxredirect):
    """Of an address that is not in it: is it there, what socket is it, is it marked."""
    bare = calls('use')
    more = extra(bare, calls('use', libxredirect, XREDIRECT_LOCAL=LOCAL))
    uses = 5 * 3
    assert more.pop('getsockopt') == uses
    stats = more.pop('fstat', 0) + more.pop('newfstatat', 0)
    assert stats == uses
    # whose use of the socket it is (uses.c)
    assert more.pop('gettid') == uses
    # the messages are looked at, too, and connect(2) is guarded, and looked at for AF_UNSPEC; twice
    # what is in two pages
    looks = uses + 2 * 3 + 2 * 3
    assert looks <= more.pop('rt_sigprocmask') <= 2 * looks
    assert not more


def test_redirected_sockets(calls, libxredirect):
    """One exchange on a connection that is kept; with a pool most often none."""
    found = collections.Counter(calls('sockets', libxredirect))
    # an answer is two packets, and the second one may come later
    assert 3 <= found['recvmmsg'] <= 6
    assert found['socket'] == found['connect'] == 0
    # to ask, to receive, whose it is, what it is, close-on-exec, cancellation; close(2) is the program's
    assert sum(found.values()) <= 3 * 11
    found = collections.Counter(calls('sockets', libxredirect, XREDIRECT_POOL='100'))
    assert found['recvmmsg'] <= 4
