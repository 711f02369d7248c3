# SPDX-License-Identifier: MIT
"""Internet sockets are the broker's, and as socket(2) makes them; all others are left alone."""

import os
import socket
import subprocess

import pytest

from support.users import UID, as_user, require_users
from support.wait import require, skip

KINDS = ['tcp', 'tcp6', 'udp', 'udp6', 'mptcp']


@pytest.mark.parametrize('pool', ['0', '1', '9', '1024'])
def test_same_as_inside(pool, same):
    transcript = same('sockets', XREDIRECT_POOL=pool)
    assert '3 EXDEV; 2 1 6; 1 2; 1\n' in transcript
    assert '; 0\n' not in transcript.partition('-- others')[0]


@pytest.mark.parametrize('pool', ['0', '9'])
def test_every_kind_is_there(pool, program, redirected):
    outside = redirected([program('ask'), *KINDS, 'unix', 'generic'], XREDIRECT_POOL=pool)
    assert outside.stdout.splitlines() == [f'{kind}: there' for kind in KINDS] + [
        'unix: here', 'generic: here']
    assert outside.stderr == ''


def outcome(redirected, program, *kinds, **variables):
    """What the program says of each kind, and the lines of the library."""
    outside = redirected([program('ask'), *kinds], **variables)
    assert outside.returncode == 0
    lines = outside.stderr.splitlines()
    assert all(line.startswith('libxredirect: ') for line in lines)
    return outside.stdout.splitlines(), lines


ALL = ['tcp', 'tcp6', 'udp', 'udp6', 'mptcp', 'route', 'raw', 'unix']


def failed(error):
    """What `ask` says of ALL where no internet socket can be had."""
    return [f'{kind}: {error}' for kind in ALL[:-1]] + ['unix: here']


@pytest.mark.parametrize('pool', ['0', '9'])
@pytest.mark.parametrize('server, text', [
    ('gone', 'start it: systemctl enable --now xsocket@gone.socket'),
    ('/nowhere/at/all', 'start it: xsocket-server /nowhere/at/all'),
    ('@xsocket-test-nobody', 'abstract names cannot be reached'),
    ('/dev/null', 'nobody listens there'),
])
def test_no_broker(server, text, pool, program, redirected):
    """There is never a socket of this namespace instead, and each time one line says what to do."""
    said, lines = outcome(redirected, program, *ALL, XREDIRECT=server, XREDIRECT_POOL=pool)
    assert said == failed('ENETDOWN')
    assert len(lines) == len(ALL) - 1
    assert all(text in line for line in lines)


def test_somebody_else_listens_there(tmp_path, program, redirected):
    path = str(tmp_path / 'socket')
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        said, lines = outcome(redirected, program, 'tcp', XREDIRECT=path)
    assert said == ['tcp: ENETDOWN']
    assert len(lines) == 1 and 'not an xsocket broker' in lines[0]


@pytest.mark.parametrize('variables, text', [
    ({'XREDIRECT': ''}, 'XREDIRECT is empty; name a broker, or unset it'),
    ({'XREDIRECT': '..'}, 'XREDIRECT=.. is not the name of a broker'),
    ({'XREDIRECT': '/' + 107 * 'x'}, 'a path of at most 107 bytes'),
    ({'XREDIRECT_LOCAL': '127.0.0.1,localhost'}, "'localhost' at position 11: names are not known"),
    ({'XREDIRECT_LOCAL': '127.0.0.1,', 'XREDIRECT': None}, 'an address is expected'),
    ({'XREDIRECT_LOCAL': ' ', 'XREDIRECT': '.'}, 'separated by commas'),
])
def test_a_broken_setting_fails_closed(variables, text, program, redirected):
    """With one line, when the program is loaded."""
    said, lines = outcome(redirected, program, *ALL, **variables)
    assert said == failed('EINVAL')
    assert len(lines) == 1
    assert text in lines[0] and 'no internet socket can be made (EINVAL)' in lines[0]


@pytest.mark.parametrize('server', [None, '.'])
def test_nothing_is_redirected(server, program, redirected):
    said, lines = outcome(redirected, program, 'tcp', 'udp6', 'route', 'raw', XREDIRECT=server,
                          XREDIRECT_POOL='9')
    assert (said, lines) == (['tcp: here', 'udp6: here', 'route: here', 'raw: here'], [])


@pytest.mark.parametrize('pool', ['0', '9'])
def test_kinds_that_are_not_handed_out(pool, program, redirected):
    kinds = ['sctp', 'ping', 'raw', 'nonsense', 'type', 'protocol', 'flags']
    said, lines = outcome(redirected, program, *kinds, 'tcp', XREDIRECT_POOL=pool)
    assert said == [f'{kind}: EACCES' for kind in kinds] + ['tcp: there']
    assert len(lines) == len(kinds)
    assert all('AllowSockets=' in line for line in lines)


def test_route_sockets_have_a_line_of_their_own(vpn, program, redirected):
    said, lines = outcome(redirected, program, 'route', 'tcp')
    assert said == ['route: EACCES', 'tcp: there']
    assert len(lines) == 1
    assert f'the broker {vpn.server} does not hand them out' in lines[0]
    assert 'add "route" to AllowSockets=' in lines[0]


def test_ping_sockets_have_a_line_of_their_own(vpn, broker, tmp_path, program, redirected):
    """The broker's word is one thing that is missing, the kernel's is the other; the line has both."""
    (tmp_path / 'conf').write_text('[Server]\nAllowSockets=ping\n')
    server = str(tmp_path / 'socket')
    broker('--netns', vpn.name, '--config', tmp_path / 'conf', server=server)
    vpn.run(['sysctl', '-qw', 'net.ipv4.ping_group_range=1 0'])
    for each in (vpn.server, server):
        said, lines = outcome(redirected, program, 'ping', XREDIRECT=each)
        assert said == ['ping: EACCES'] and len(lines) == 1
        assert f'the broker {each} does not hand it out' in lines[0]
        assert 'add "ping" to AllowSockets=' in lines[0]
        assert 'net.ipv4.ping_group_range' in lines[0]
    vpn.run(['sysctl', '-qw', 'net.ipv4.ping_group_range=0 2147483647'])
    assert outcome(redirected, program, 'ping', XREDIRECT=server) == (['ping: there'], [])


def test_what_the_namespace_does_not_have(vpn, program, bare, redirected):
    """That is found out by asking, and no news."""
    vpn.run(['sysctl', '-qw', 'net.mptcp.enabled=0'])
    inside = bare([program('ask'), 'mptcp'])
    assert inside.stdout == 'mptcp: ENOPROTOOPT\n'
    for level, lines in (('error', 0), ('debug', 1)):
        outside = redirected([program('ask'), 'mptcp'], XREDIRECT_LOG=level)
        assert outside.stdout == inside.stdout
        assert len(outside.stderr.splitlines()) == lines


@pytest.mark.parametrize('pool', ['0', '9'])
def test_a_protocol_that_the_kernel_does_not_have(pool, vpn, broker, tmp_path, program, bare,
                                                  redirected):
    """Handed out, SCTP is there where the kernel has it, and else fails as it does inside."""
    (tmp_path / 'conf').write_text('[Server]\nAllowSockets=tcp sctp\n')
    server = str(tmp_path / 'socket')
    broker('--netns', vpn.name, '--config', tmp_path / 'conf', server=server)
    said, lines = outcome(redirected, program, 'sctp', 'tcp', XREDIRECT=server, XREDIRECT_POOL=pool)
    assert said == [*bare([program('ask'), 'sctp']).stdout.splitlines(), 'tcp: there']
    assert lines == []


def test_who_may_not_connect(vpn, public, environment):
    os.chmod(vpn.server, 0o600)
    library = public('xredirect/libxredirect.so')
    argv = as_user(['env', f'LD_PRELOAD={library}', str(public('tests/redirect/redirect-ask')),
                    'tcp', 'route', 'unix'])
    outside = subprocess.run(argv, env=environment(LD_PRELOAD='', TSAN_OPTIONS=''), text=True,
                             check=True, capture_output=True)
    assert outside.stdout.splitlines() == ['tcp: EACCES', 'route: EACCES', 'unix: here']
    lines = outside.stderr.splitlines()
    assert len(lines) == 2 and all('xsocket-server --grant' in line for line in lines)


def test_a_number_of_sockets_that_is_none(program, redirected):
    """It costs time, not correctness."""
    for text in ('many', '-1', '1025', '99999999999999999999', ' 8', '8 '):
        said, lines = outcome(redirected, program, 'tcp', XREDIRECT_POOL=text)
        assert said == ['tcp: there']
        assert len(lines) == 1 and f'XREDIRECT_POOL={text} is not' in lines[0]
    assert outcome(redirected, program, 'tcp', XREDIRECT_POOL='') == (['tcp: there'], [])


def test_log_levels(program, redirected):
    asked = ['tcp'] * 30
    said, lines = outcome(redirected, program, *asked, XREDIRECT='gone')
    assert said == ['tcp: ENETDOWN'] * 30
    assert len(lines) == 21 and 'XREDIRECT_LOG=debug' in lines[20]
    assert outcome(redirected, program, *asked, XREDIRECT='gone', XREDIRECT_LOG='silent') == (
        said, [])
    assert len(outcome(redirected, program, *asked, XREDIRECT='gone', XREDIRECT_LOG='debug')[1]) == 30
    assert 'XREDIRECT_LOG=loud is not one of silent, error, debug' in outcome(
        redirected, program, 'tcp', XREDIRECT_LOG='loud')[1][0]


@pytest.mark.parametrize('name', ['XREDIRECTS', 'XREDIRECT_SERVER', 'XREDIRECT_LOCALS', 'XREDIRECT_'])
def test_a_variable_that_is_misspelt(name, program, redirected):
    """It would leave the program where it is, in silence."""
    said, lines = outcome(redirected, program, 'tcp', XREDIRECT=None, **{name: 'vpn'})
    assert said == ['tcp: here']
    assert len(lines) == 1 and f'{name} is not a variable of this library' in lines[0]
    assert outcome(redirected, program, 'tcp', XREDIRECTOR='x', AXREDIRECT='x')[1] == []


def test_more_privileges_than_who_started_it(program, environment):
    """Who starts it does not decide where it connects: that is told once."""
    require_users()
    argv = [program('secure'), 'tcp']

    def run(preexec_fn=lambda: os.setresuid(UID, 0, 0), **variables):
        return subprocess.run(argv, env=environment(LD_PRELOAD='', **variables), text=True,
                              timeout=20, check=True, capture_output=True, preexec_fn=preexec_fn)

    outside = run()
    assert outside.stdout == 'tcp: here\n'
    assert outside.stderr.count('\n') == 1
    assert 'XREDIRECT is ignored' in outside.stderr
    assert 'AmbientCapabilities=' in outside.stderr
    assert run(XREDIRECT=None).stderr == ''
    assert run(preexec_fn=None).stdout == 'tcp: there\n'


def test_what_sudo_starts(told, libxredirect, program, redirected, sanitizer, musl):
    """sudo(8) drops the variables: they are to stand behind it."""
    require_users()
    if musl:
        skip('sudo is for glibc here')
    if sanitizer:
        skip('a sanitizer wants to be loaded first')

    def behind(**variables):
        argv = [require('sudo'), '-n', 'env', *map('='.join, variables.items())]
        return redirected([*argv, program('ask'), 'tcp']).stdout

    assert behind(**told()) == 'tcp: here\n'
    assert behind(**told(), LD_PRELOAD=libxredirect) == 'tcp: there\n'


def test_route_sockets_where_they_are_handed_out(vpn, broker, tmp_path, program, redirected):
    (tmp_path / 'conf').write_text('[Server]\nAllowSockets=tcp route\n')
    server = str(tmp_path / 'socket')
    broker('--netns', vpn.name, '--config', tmp_path / 'conf', server=server)
    said, lines = outcome(redirected, program, 'route', 'generic', 'tcp', XREDIRECT=server)
    assert (said, lines) == (['route: there', 'generic: here', 'tcp: there'], [])
