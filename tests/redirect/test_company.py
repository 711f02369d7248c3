# SPDX-License-Identifier: MIT
"""libxredirect among other preload libraries, under plug-ins of all sorts, and in sandboxes."""

import errno
import glob
import pathlib

import pytest

from support.wait import skip

LOCAL = '127.1.0.0/16'
# of tests/redirect/reach.c
LISTED = LOCAL + ',127.0.0.1:2000-2999,[::1]:2000-2999'
LIBRARIES = {
    'jemalloc': '/usr/lib/*/libjemalloc.so.2',
    'tcmalloc': '/usr/lib/*/libtcmalloc_minimal.so.4',
    'faketime': '/usr/lib/*/faketime/libfaketime.so.1',
    'authbind': '/usr/lib/authbind/libauthbind.so.1',
}
ORDER = pytest.mark.parametrize('order', ['first', 'last'])


def preloaded(order, first, second):
    return ':'.join([first, second] if order == 'first' else [second, first])


def library(name):
    return next(iter(sorted(glob.glob(LIBRARIES[name]))), None) or skip(f'needs {LIBRARIES[name]}')


@ORDER
@pytest.mark.parametrize('name', LIBRARIES)
def test_beside(name, order, libxredirect, program, bare, redirected, sanitizer):
    """Another library in front of it, or behind: as with the other one alone, inside."""
    inside = bare(['env', f'LD_PRELOAD={library(name)}', program('reach')], FAKETIME='+1d')
    outside = redirected([program('reach')], FAKETIME='+1d', XREDIRECT_POOL='20',
                         XREDIRECT_LOCAL=LISTED,
                         LD_PRELOAD=preloaded(order, libxredirect, library(name)))
    assert (outside.returncode, outside.stdout) == (inside.returncode, inside.stdout)
    # some do not go with a sanitizer
    assert (inside.returncode, outside.stderr) == (0, '') or sanitizer


@ORDER
def test_one_with_the_same_hooks(order, build, libxredirect, program, bare, redirected):
    """Each comes to its turn, and constructors that are earlier than the library's are redirected."""
    outside = redirected([program('sockets')], LD_PRELOAD=preloaded(
        order, libxredirect, str(build / 'tests/redirect/libredirect_chain.so')))
    assert outside.stdout == bare([program('sockets')]).stdout
    assert outside.stderr == 'early: there\nsockets: 1, connects: 1\n'


def test_two_of_the_same(libxredirect, program, bare, redirected, tmp_path):
    """Of two builds, or two copies, the first one redirects."""
    copy = tmp_path / 'libxredirect.so'
    copy.write_bytes(pathlib.Path(libxredirect).read_bytes())
    for name in ('sockets', 'reach'):
        outside = redirected([program(name)], LD_PRELOAD=f'{libxredirect} {copy}',
                             XREDIRECT_LOCAL=LISTED)
        assert (outside.stdout, outside.stderr) == (bare([program(name)]).stdout, '')


BOTH = '''\
epoll_ctl(set, EPOLL_CTL_ADD, same, &event): 0
server: there
bind_to(server, AF_INET, "0.0.0.0", 3000): 0
server: BOUND
same: BOUND
get_int(server, SOL_SOCKET, SO_KEEPALIVE): 1
listen(server, 5): 0
epoll_wait(set, &event, 1, 0): 0
bind_to(inner, AF_INET, "127.0.0.1", 4000): 0
listen(inner, 5): 0
inner: there
connect_to(client, AF_INET, "127.0.0.1", 4000): 0
client: there
accept(inner, NULL, NULL) >= 0: 1
bind_to(local, AF_INET, "127.1.2.3", 4000): 0
local: here
epoll_ctl(set, EPOLL_CTL_MOD, same, &event): 0
'''


@ORDER
@pytest.mark.parametrize('bound', ['other', 'here'])
def test_beside_libxbind(bound, order, build, vpn, other, broker, here, tmp_path, libxredirect,
                         program, redirected):
    """Listening in one namespace, connecting in another: by two brokers, one of which may be that
    of the machine itself."""
    server = other.server
    if bound == 'here':
        server = str(tmp_path / 'own')
        broker(server=server)
    outside = redirected([program('both')], XBIND='3000', XSOCKET=server, XREDIRECT_LOCAL=LOCAL,
                         OTHER_COOKIE=str(other.cookie()),
                         LD_PRELOAD=preloaded(order, libxredirect,
                                              str(build / 'xbind/libxbind.so')))
    assert outside.stdout == BOTH.replace('BOUND', bound)
    assert (outside.returncode, outside.stderr) == (0, '')


@pytest.fixture
def plugins(program, redirected, build, other, vpn, musl, sanitizer):
    """plugins(HOW): what the program says of a plug-in opened that way."""
    def run(how):
        if how.startswith('deep') and musl:
            skip('there is no RTLD_DEEPBIND')
        if how.startswith('deep') and sanitizer:
            skip('a sanitizer ends programs that use RTLD_DEEPBIND')
        return redirected([program('plugins'), how,
                           str(build / 'tests/redirect/libredirect_plugin.so')],
                          SERVER=other.server, OTHER_COOKIE=str(other.cookie()),
                          XREDIRECT_LOCAL=LOCAL)
    return run


@pytest.mark.parametrize('how', ['now', 'lazy', 'deep', 'deep-lazy'])
def test_a_plugin(how, plugins):
    outside = plugins(how)
    assert outside.stdout == ('fd: there\ngo(fd, "127.1.2.3", 3700): 0\nfd: here\n'
                              'fd: other\nfd: other\n')
    assert (outside.returncode, outside.stderr) == (0, '')


ERRORS = [errno.EPERM, errno.EAFNOSUPPORT, errno.ENOSYS]


@pytest.mark.parametrize('pool', ['0', '9'])
@pytest.mark.parametrize('error', ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize('call', ['unix', 'connect', 'send', 'receive'])
def test_forbidden(call, error, pool, program, redirected):
    """What a sandbox forbids fails the call, is told, and there is no socket of this namespace."""
    outside = redirected([program('sandboxed'), call, str(error)], XREDIRECT_POOL=pool)
    lines = outside.stdout.splitlines()
    if call == 'send' and lines == ['tcp: made', 'tcp: made', 'tcp6: made']:
        # by another system call
        return
    expected = 'EACCES' if error == errno.EPERM else 'ENETDOWN'
    assert lines[:2] == [f'tcp: {expected}'] * 2
    assert lines[2] == f'tcp6: {expected}' or error == errno.EAFNOSUPPORT
    assert outside.stderr.count('libxredirect: socket() by ') == (
        2 if lines[2] == 'tcp6: EAFNOSUPPORT' else 3)
    if error == errno.EAFNOSUPPORT:
        assert 'RestrictAddressFamilies=AF_UNIX' in outside.stderr


@pytest.mark.parametrize('pool', ['0', '9'])
@pytest.mark.parametrize('call', ['none', 'getcpu', 'sigprocmask', 'prlimit'])
def test_forbidden_and_not_needed(call, pool, program, redirected):
    """What only makes things better may be forbidden."""
    outside = redirected([program('sandboxed'), call, str(errno.EPERM)], XREDIRECT_POOL=pool)
    assert outside.stdout.splitlines() == ['tcp: made', 'tcp: made', 'tcp6: made']
    assert outside.stderr == ''
