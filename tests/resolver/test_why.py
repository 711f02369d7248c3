# SPDX-License-Identifier: MIT
"""What a person is told when a name cannot be looked up, and only then."""

import os
import time

import odd
import pytest

QUESTIONS = {
    'addrinfo web.example 80 inet stream 0 0': '= Temporary failure in name resolution\n',
    'host web.example inet': '= Host name lookup failure\n',
    'nameinfo 10.2.0.1 80 0': '= Temporary failure in name resolution\n',
    'query web.example 1': '= Host name lookup failure\n',
}
ADVICE = ': write /etc/netns/vpn/resolv.conf'
STUB = ', the stub of this machine\'s systemd-resolved, which is not there'
WHY = {  # resolv.conf of the namespace: why there is no answer
    'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .': f'names 127.0.0.53{STUB}{ADVICE}',
    'nameserver 127.0.0.54\nnameserver 127.0.0.53': f'names 127.0.0.54, 127.0.0.53{STUB}{ADVICE}',
    'nameserver 127.0.0.1': f'names 127.0.0.1, where none is in that namespace{ADVICE}',
    'nameserver ::1': f'names ::1, where none is in that namespace{ADVICE}',
    'nameserver 127.0.0.53\nnameserver 127.0.0.1':
        f'names 127.0.0.53, 127.0.0.1, where none is in that namespace{ADVICE}',
    'nameserver 192.0.2.1': 'names 192.0.2.1',
    'nameserver 127.0.0.53\nnameserver 192.0.2.1': 'names 127.0.0.53, 192.0.2.1',
    'nameserver fe80::1%lo': 'names fe80::1%lo',
    '# empty': f'names none, and there is none at its 127.0.0.1{ADVICE}',
}


def test_no_server(asker, outside):
    for text, why in WHY.items():
        asker.write('resolv.conf', text + '\noptions timeout:1 attempts:1\n')
        assert asker.there(*QUESTIONS) == QUESTIONS
        assert set(asker.why.splitlines()) == {f'vpn: no DNS server answers: its resolv.conf {why}'}


def test_nobody_there_is_known_at_once(asker, outside):
    """Also where two queries are under way, one of which the other one's error is told to."""
    asker.write('resolv.conf', 'nameserver 127.0.0.53\n')
    begin = time.monotonic()
    asker.there(*['addrinfo web.example 80 unspec stream 0 0'] * 20)
    assert time.monotonic() - begin < 4.5


def test_a_silent_server(asker, outside):
    asker.write('resolv.conf', 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
    with odd.Odd(asker.namespace, answer=lambda query: []):
        asker.there('query web.example 1')
    assert asker.why == ('vpn: no DNS server answers: its resolv.conf names 127.0.0.1, '
                         f'where none is in that namespace{ADVICE}\n')


@pytest.mark.parametrize('how', ['servfail', 'refused'])
def test_a_server_that_cannot_tell(asker, how, outside):
    with odd.Odd(asker.namespace, answer=lambda query: [query.answer(rcode=odd.RCODES[how])]):
        assert asker.there(*QUESTIONS) == QUESTIONS
    assert set(asker.why.splitlines()) == {
        'vpn: DNS cannot tell for now: its servers failed or refused (127.0.0.1)'}


def test_no_files_at_all(asker, outside):
    """As for libc: files, then DNS, by a server at 127.0.0.1 of the namespace."""
    for name in ('resolv.conf', 'hosts', 'nsswitch.conf'):
        os.remove(asker.directory / name)
    with odd.Odd(asker.namespace):
        answers = asker.there('addrinfo fine.odd 80 inet stream 0 0', 'addrinfo localhost 80 inet stream 0 0')
    assert list(answers.values()) == ['= \n  2 1 6 0 16 10.7.0.1:80 \n', '= \n  2 1 6 0 16 127.0.0.1:80 \n']
    assert asker.why == ''


ERRORS = {
    95: 'the broker is too old to tell how names are looked up there, update it',
    5: 'the broker cannot read it, see its log', 24: 'no descriptor is left, here or in the broker (LimitNOFILE=)',
    110: 'the broker did not answer in time; see its log: journalctl -u xsocket@vpn', 34: 'Numerical result out of range',
}


@pytest.mark.parametrize('name, what', [
    ('resolv.conf', 'its resolv.conf'), ('hosts', 'its hosts file'), ('nsswitch.conf', 'its nsswitch.conf')])
def test_a_file_that_cannot_be_had(asker, name, what, outside):
    """Nothing takes its place: what is in it may be what keeps a name from being asked for."""
    asked = ['addrinfo fine.odd 80 inet stream 0 0', 'host fine.odd inet', 'nameinfo 10.7.0.1 80 0']
    for error, why in ERRORS.items():
        os.remove(asker.directory / name)
        os.symlink(str(error), asker.directory / name)
        with odd.Odd(asker.namespace) as server:
            assert list(asker.there(*asked).values()) == [
                '= System error\n', '= Resolver internal error\n', '= System error\n']
            assert not server.queries
        assert set(asker.why.splitlines()) == {f'vpn: {what} cannot be had: {why}'}


def test_nobody_to_be_asked(asker, outside):
    """nsswitch.conf has nothing for hosts, or what only looks from elsewhere; nothing is made up."""
    for order in ('', '# files', 'files [', 'mdns4 [NOTFOUND=return] resolve', '[NOTFOUND=return]'):
        asker.write('nsswitch.conf', f'hosts: {order}\n')
        with odd.Odd(asker.namespace) as server:
            assert asker.there('addrinfo fine.odd 80') == {'addrinfo fine.odd 80': '= System error\n'}
            assert not server.queries
        assert asker.why == ('vpn: its nsswitch.conf has neither files nor dns for hosts to be asked: '
                             'Invalid argument\n')


SPEAKING = [
    'addrinfo web.example 80 inet stream 0 0', 'addrinfo nxdomain.odd 80 inet stream 0 0',
    'host nxdomain.odd inet', 'query nxdomain.odd 1', 'nameinfo 10.7.0.99 80 namereqd', 'addrinfo a..b 80',
    'addrinfo :: nosuch', 'query a..b 1', 'addrinfo 1.2.3.4.5 80 unspec 0 0 numerichost', 'host ::1 inet', 'addr ::',
    'addrinfo web 80 unix 0 0 0',
]


def test_nothing_is_said_about_what_speaks_for_itself(asker, outside):
    """That there is no such name; also where a server failed before that was known."""
    asker.write('resolv.conf', 'nameserver 127.0.0.2\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
    with odd.Odd(asker.namespace):
        assert all(answer.startswith('= ') for answer in asker.there(*SPEAKING).values())
    assert asker.why == ''
