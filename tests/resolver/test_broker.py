# SPDX-License-Identifier: MIT
"""libxsocket-resolver.so: names of a broker's namespace, with no more than a broker hands out."""

import os
import subprocess
import sys

import pytest
import questions
from conftest import Asker

from support.names import Dns
from support.users import as_user
from support.wait import skip


class BrokerAsker(Asker):
    """A namespace with files of its own in /etc/netns, and a broker."""

    def __init__(self, build, vpn):
        super().__init__(build, vpn.namespace, f'/etc/netns/{vpn.name}')
        self.server = vpn.server
        self.directory.mkdir(parents=True)

    def asked(self, *asked, **kwargs):
        return self.by_broker(kwargs.pop('server', self.server), *asked, **kwargs)


@pytest.fixture
def served(etc, build, vpn, outside):
    made = BrokerAsker(build, vpn)
    made.write('hosts', questions.HOSTS)
    made.write('resolv.conf', questions.RESOLV_CONF)
    made.write('nsswitch.conf', 'hosts: files dns\n')
    server = Dns(vpn.namespace, more=questions.RECORDS)
    yield made
    server.stop()


def test_the_same_by_a_broker(served):
    asked = [question for question in questions.ALL
             if question.partition(' ')[0] in ('addrinfo', 'nameinfo', 'query')]
    native, there = served.native(*asked), served.asked(*asked)
    assert {question: (native[question], there[question]) for question in asked
            if native[question] != there[question]} == {}


WEB = 'addrinfo web.example 80 inet stream 0 0'
FOUND = '= \n  2 1 6 0 16 10.2.0.1:80 \n'


def test_without_privilege(served, public):
    """Whoever may write to the control socket; nothing else of the namespace can be reached."""
    os.chmod(served.server, 0o666)
    for name in ('lib/libxsocket.so.1', 'resolver/libxsocket-resolver.so.1'):
        public(name)
    served.program = public('tests/resolver/ask')
    directories = ':'.join(str(public(name).parent) for name in ('lib/libxsocket.so.1',
                                                                'resolver/libxsocket-resolver.so.1'))
    env = os.environ | {'LD_LIBRARY_PATH': directories}
    assert served.asked(WEB, wrap=as_user([]), env=env) == {WEB: FOUND}


def test_files_are_followed(served):
    """They are read anew for each look-up, also when one was replaced or has gone."""
    served.write('hosts', '10.2.0.77 web.example\n')
    assert '10.2.0.77' in served.asked(WEB)[WEB]
    served.write('hosts.new', '')
    os.replace(served.directory / 'hosts.new', served.directory / 'hosts')
    assert served.asked(WEB)[WEB] == FOUND
    served.write('nsswitch.conf', 'hosts: files\n')
    assert served.asked(WEB)[WEB] == '= Name or service not known\n'


NONE = 'the broker cannot be asked: there is no such control socket; start it:'


@pytest.mark.parametrize('server, why', [
    ('/nowhere', f'/nowhere: {NONE} xsocket-server /nowhere; or, '),
    ('nowhere', f'nowhere: {NONE} systemctl enable --now xsocket@nowhere.socket (ls '),
    ('/run/xsocket/nowhere', f'/run/xsocket/nowhere: {NONE} systemctl enable --now xsocket@nowhere.socket (ls '),
    ('', f'default: {NONE} systemctl enable --now xsocket.socket (ls '),
    ('.', '.: the broker cannot be asked: Invalid argument'),
])
def test_no_broker(served, server, why):
    """Also for what needs no name server: an address of the namespace or none."""
    asked = [WEB, 'addrinfo localhost 80', 'query web.example 1', 'nameinfo 127.0.0.1 80 0']
    answers = served.asked(*asked, server=server)
    assert set(answers.values()) == {'= System error\n', '= Resolver internal error\n'}
    assert [line[:len(why)] for line in served.why.splitlines()] == [why] * 4


REFUSED = 'this user may not connect to the broker, or it does not hand that out (AllowSockets=, AllowResolver=), '


@pytest.mark.parametrize('setting, what', [
    ('AllowResolver=no', 'its nsswitch.conf cannot be had'), ('AllowSockets=tcp', 'no socket can be had')])
def test_what_a_broker_refuses(served, broker, setting, what, tmp_path):
    (tmp_path / 'conf').write_text(f'[Server]\n{setting}\n')
    server = f'{tmp_path}/server'
    broker('--netns', served.namespace.name, '--config', tmp_path / 'conf', server=server)
    assert served.asked(WEB, server=server) == {WEB: '= System error\n'}
    assert served.why.startswith(f'{server}: {what}: {REFUSED}')
    assert f'as root: xsocket-server --grant {server} u:USER' in served.why


def test_a_context(served, build, sanitizer):
    """NULL is the broker that the thread has pushed, in libxsocket.so, by whoever calls that."""
    if sanitizer:
        skip('a sanitizer wants to be loaded first, and Python is not built for it')
    script = f'''
import ctypes, sys
xsocket = ctypes.CDLL('{build}/lib/libxsocket.so.1')
resolver = ctypes.CDLL('{build}/resolver/libxsocket-resolver.so.1')
resolver.xsocket_resolver_why.restype = ctypes.c_char_p
found = ctypes.c_void_p()
def ask():
    return resolver.xsocket_getaddrinfo(None, b'web.example', None, None, ctypes.byref(found))
assert ask() == -11
print(resolver.xsocket_resolver_why().decode())
xsocket.xsocket_push(b'{served.server}')
assert ask() == 0 and found.value and resolver.xsocket_resolver_why() == b''
resolver.xsocket_freeaddrinfo(found)
resolver.xsocket_freeaddrinfo(None)
xsocket.xsocket_push(b'.')
assert ask() == -11
'''
    result = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f'default: {NONE} systemctl enable --now xsocket.socket ')


def test_a_namespace_without_files(etc, build, vpn, outside):
    """It has those of the machine, whose servers are elsewhere, and nobody outside is asked."""
    etc.write('resolv.conf', 'nameserver 127.0.0.53\noptions edns0 trust-ad timeout:1\nsearch .\n')
    etc.write('hosts', '10.2.0.5 shared.example\n')
    asker = Asker(build, vpn.namespace, '/nowhere')
    shared = 'addrinfo shared.example 80 inet stream 0 0'
    answers = asker.by_broker(vpn.server, shared, WEB)
    assert answers == {shared: '= \n  2 1 6 0 16 10.2.0.5:80 \n',
                       WEB: '= Temporary failure in name resolution\n'}
    assert asker.why == (f'{vpn.server}: no DNS server answers: its resolv.conf is this machine\'s own '
                         'and names 127.0.0.53, the stub of this machine\'s systemd-resolved, which is not there: '
                         f'write /etc/netns/{vpn.name}/resolv.conf\n')
