# SPDX-License-Identifier: MIT
"""libxbind among other preload libraries, in programs that are built or loaded in odd ways, and in
sandboxes."""

import errno
import glob
import os
import pathlib
import re
import subprocess

import pytest

from support.sandboxed import KEPT, MOVED
from support.wait import skip

PLUGIN = 'tests/preload/company/libplugin.so'
# torsocks is to let everything through: there is nothing here that it could reach
TORSOCKS = 'AllowInbound 1\nAllowOutboundLocalhost 1\n'
LIBRARIES = {
    'jemalloc': '/usr/lib/*/libjemalloc.so.2',
    'tcmalloc': '/usr/lib/*/libtcmalloc_minimal.so.4',
    'faketime': '/usr/lib/*/faketime/libfaketime.so.1',
    'torsocks': '/usr/lib/*/torsocks/libtorsocks.so',
    'authbind': '/usr/lib/authbind/libauthbind.so.1',
}
BESIDE = [(name, program) for name in LIBRARIES
          for program in ('options', 'failure', 'epoll', 'children', 'forking', 'threads')
          # with torsocks alone a child of a program with threads may wait for ever in close(2)
          if (name, program) != ('torsocks', 'forking')]


@pytest.fixture
def company(build):
    """company(NAME): a program of tests/preload/company/."""
    return lambda name: str(build / 'tests' / 'preload' / 'company' / name)


def library(name):
    return next(iter(sorted(glob.glob(LIBRARIES[name]))), None) or skip(f'needs {LIBRARIES[name]}')


@pytest.mark.parametrize('name, program_name', BESIDE)
@pytest.mark.parametrize('order', ['first', 'last'])
def test_beside(name, order, program_name, libxbind, program, xbind, vpn, environment, sanitizer,
                tmp_path):
    """Another library in front of it, or behind: as with the other one alone, inside."""
    if (name, sanitizer) == ('torsocks', 'tsan'):
        skip('torsocks has data races of its own')
    libraries = [libxbind, library(name)]
    if order == 'last':
        libraries.reverse()
    (tmp_path / 'torsocks.conf').write_text(TORSOCKS)
    more = {'FAKETIME': '+1d', 'TORSOCKS_CONF_FILE': str(tmp_path / 'torsocks.conf')}
    inside = vpn.run([program(program_name)], check=False, capture_output=True,
                     env=environment(LD_PRELOAD=library(name), **more))
    outside = xbind([program(program_name)], LD_PRELOAD=':'.join(libraries), **more)
    assert (outside.returncode, outside.stdout) == (inside.returncode, inside.stdout)
    # authbind takes an address for one without looking, and a sanitizer has much to say then
    assert outside.stderr == inside.stderr or inside.returncode != 0


def test_two_of_the_same(libxbind, program, bare, xbind, tmp_path):
    """Of two builds, or two copies, in LD_PRELOAD the first one redirects, and once."""
    copy = tmp_path / 'libxbind.so'
    copy.write_bytes(pathlib.Path(libxbind).read_bytes())
    for name in ('failure', 'epoll', 'options'):
        outside = xbind([program(name)], LD_PRELOAD=f'{libxbind} {copy}')
        assert (outside.stdout, outside.stderr) == (bare([program(name)]).stdout, '')


@pytest.mark.parametrize('plugin', ['libplugin.so', 'libplugin_now.so'])
@pytest.mark.parametrize('how', ['late', 'lazy'])
def test_a_plugin(how, plugin, build, company, bare, xbind):
    """What is opened later is bound to the library as well."""
    argv = [company('host'), how, company(plugin)]
    outside = xbind(argv)
    assert (outside.returncode, outside.stderr) == (0, '')
    assert outside.stdout == bare(argv).stdout


@pytest.fixture
def deep(musl, sanitizer, xbind):
    """As xbind, where there is RTLD_DEEPBIND."""
    if musl:
        skip('there is no RTLD_DEEPBIND')
    if sanitizer:
        skip('a sanitizer ends programs that use RTLD_DEEPBIND')
    return xbind


@pytest.mark.parametrize('plugin', ['libplugin.so', 'libplugin_now.so'])
@pytest.mark.parametrize('how', ['deep', 'deep_lazy', 'late'])
def test_a_plugin_that_sees_libc_first(how, plugin, company, bare, deep):
    """With RTLD_DEEPBIND."""
    argv = [company('host'), how, company(plugin)]
    outside = deep(argv)
    assert (outside.returncode, outside.stderr) == (0, '')
    assert outside.stdout == bare(argv).stdout


@pytest.mark.parametrize('how', ['deep', 'deep_lazy'])
def test_a_plugin_with_a_bind_of_its_own(how, company, deep):
    """That is for which it asks for RTLD_DEEPBIND."""
    outside = deep([company('host'), how, company('libplugin_own.so')])
    assert 'function(fd, 3060): EDOM' in outside.stdout
    assert (outside.returncode, outside.stderr) == (0, '')


def test_a_plugin_by_name(company, bare, deep):
    """Who opens it by dlopen(3) is still known to the dynamic linker: it searches that one's
    paths. Where that and RTLD_DEEPBIND come together there is a line."""
    argv = [company('host'), 'named', company('libnamed.so')]
    outside = deep(argv)
    assert (outside.stdout, outside.stderr) == (bare(argv).stdout, '')
    outside = deep([company('host'), 'deep_named', company('libnamed.so')])
    assert outside.stdout.splitlines() == [
        'handle != NULL: 1', 'function(fd, 3060): 0', 'in_target(fd): 0']
    assert outside.stderr.count('\n') == 1 and 'RTLD_DEEPBIND' in outside.stderr


def test_pointers(company, bare, xbind):
    """A pointer to bind() is one to the library's, whichever way it was had."""
    outside = xbind([company('host'), 'pointers'])
    assert outside.stdout.count('in_target(fd[i]): 1') == 4
    assert (outside.stdout, outside.stderr) == (bare([company('host'), 'pointers']).stdout, '')


def test_a_pointer_from_libc_itself(company, libxbind, xbind):
    """A program that asks for libc's own function gets it: libxbind(7) says so."""
    needed = subprocess.run(['readelf', '-dW', libxbind], check=True, capture_output=True,
                            text=True).stdout
    libc = re.search(r'\[(libc\.[^]]*)\]', needed)[1]
    outside = xbind([company('host'), 'libc', libc])
    assert outside.stdout == 'call(function, fd, 3065): 0\nin_target(fd): 0\n'


def test_opened_by_the_program(company, libxbind, xbind):
    """Not preloaded but opened, it changes nothing, works for who asks it, and stays."""
    outside = xbind([company('host'), 'itself', libxbind], LD_PRELOAD='')
    assert (outside.returncode, outside.stderr) == (0, '')
    assert outside.stdout.splitlines() == [
        'bind_port(fd, 3066): 0', 'in_target(fd): 0',
        'call(function, by_handle, 3067): 0', 'in_target(by_handle): 1',
        'dlclose(handle): 0',
        'call(function, fd, 3068): 0', 'in_target(fd): 1',
        'bind_port(fd, 3069): 0', 'in_target(fd): 0']


@pytest.mark.parametrize('how', ['now', 'lazy', 'no-plt', 'asan', 'ubsan', 'tsan'])
def test_other_ways_to_build(how, company, bare, xbind):
    """Linked in other ways, and with a sanitizer of its own."""
    argv = [company(f'options-{how}')]
    if not os.path.exists(argv[0]):
        skip(f'this build has no program made with {how}')
    outside = xbind(argv)
    assert (outside.returncode, outside.stderr) == (0, '')
    assert outside.stdout == bare(argv).stdout


def test_address_sanitizer_must_be_told(company, xbind):
    """It refuses to start behind a preloaded library: libxbind(7) says what to do."""
    if not os.path.exists(company('options-asan')):
        skip('this build has no program made with asan')
    outside = xbind([company('options-asan')], ASAN_OPTIONS='')
    assert outside.returncode != 0 and 'ASan runtime does not come first' in outside.stderr


ERRORS = [errno.EPERM, errno.EAFNOSUPPORT, errno.ENOSYS, errno.EACCES]


def forbidden(company, xbind, call, error, **variables):
    """Its lines on standard output and error."""
    outside = xbind([company('sandboxed'), call, str(error)], **variables)
    assert outside.returncode == 0
    return outside.stdout.splitlines(), outside.stderr.splitlines()


@pytest.mark.parametrize('error', ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize('call', ['unix', 'connect', 'receive', 'openat', 'readlink',
                                  'getdents64', 'dup3'])
def test_forbidden(call, error, company, xbind):
    """What a sandbox forbids fails the bind, is told in one line, and nothing is changed."""
    output, lines = forbidden(company, xbind, call, error)
    assert re.fullmatch(r'bind_port\(fd, 3070\): E\w+', output[0])
    assert output[1:] == KEPT
    assert len(lines) == 1 and lines[0].startswith('libxbind: bind to port 3070 ')
    assert forbidden(company, xbind, call, error, XBIND_LOG='silent') == (output, [])


@pytest.mark.parametrize('error', ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize('call', ['none', 'statx', 'getcpu', 'sigprocmask', 'ppoll', 'poll'])
def test_forbidden_and_not_needed(call, error, company, xbind):
    """What only makes things better may be forbidden."""
    output, lines = forbidden(company, xbind, call, error)
    assert (output, lines) == (MOVED, [])


def test_the_sandbox_forbids_unix_sockets(company, xbind):
    """RestrictAddressFamilies= is named where it is the likely reason."""
    _, lines = forbidden(company, xbind, 'unix', errno.EAFNOSUPPORT)
    assert 'RestrictAddressFamilies=AF_UNIX' in lines[0]
    _, lines = forbidden(company, xbind, 'unix', errno.EPERM)
    assert 'sandbox' in lines[0]


# The library is for the program alone: this machine's tools may be for another libc.
SHELL = ['unshare', '--mount', '--pid', '--fork', 'sh', '-c']
EXEC = 'LD_PRELOAD=$LIBRARY exec "$0" "$@"'


@pytest.mark.parametrize('hidden', ['/run/xsocket', '/run'])
def test_the_control_socket_is_hidden(hidden, vpn, company, libxbind, xbind):
    """As by TemporaryFileSystem= and InaccessiblePaths=."""
    hide = [*SHELL, f'mount -t tmpfs tmpfs {hidden} && {EXEC}', company('sandboxed'), 'none', '0']
    for server in (vpn.name, vpn.server, f'{vpn.server}/./../{vpn.name}'):
        outside = xbind(hide, LD_PRELOAD='', LIBRARY=libxbind, XSOCKET=server)
        assert outside.stdout.splitlines() == ['bind_port(fd, 3070): EADDRNOTAVAIL', *KEPT]
        assert outside.stderr.startswith('libxbind: ') and vpn.server in outside.stderr
        assert outside.stderr.count('\n') == 1
        for text in ('start it: ', 'BindReadOnlyPaths=', 'TemporaryFileSystem='):
            assert text in outside.stderr
