# SPDX-License-Identifier: MIT
"""Servers that fail, refuse, say nothing or nonsense: what libc makes of that, resolver/ does, too."""

import time

import odd
import pytest
import questions

NAMES = [
    'fine.odd', 'fine', 'servfail.odd', 'servfail', 'refused.odd', 'notimp.odd', 'formerr.odd', 'nxdomain.odd',
    'four-servfail.odd', 'four-nxdomain.odd', 'four-refused.odd', 'truncated.odd', 'stranger.odd', 'unasked.odd',
    'wrong-size.odd', 'chain.odd', 'backwards.odd', 'circle.odd', 'evil.odd', 'dash.odd', 'dotted.odd', 'case.odd',
    'late.odd', 'huge.odd',
]
SHORT = 'nameserver 127.0.0.1\nsearch odd\noptions timeout:1 attempts:1\n'


def test_answers_of_all_kinds(asker, outside):
    asker.write('resolv.conf', SHORT)
    asked = [
        *questions.each('addrinfo {} 80 {} stream 0 canonname', NAMES, ('unspec', 'inet')),
        *questions.each('addrinfo {} 80 {} stream 0 0', NAMES, ('inet', 'inet6')),
        *questions.each('host {} inet', NAMES), *questions.each('{} {} 1', ('query', 'search', 'send'), NAMES),
        *questions.each('addr 10.7.0.{}', odd.POINTERS),
        *questions.each('nameinfo 10.7.0.{} 80 {}', odd.POINTERS, ('0', 'namereqd')),
    ]
    with odd.Odd(asker.namespace):
        assert asker.differing(asked) == {}


def test_what_is_no_answer_is_waited_out(asker, outside):
    """libc gives up at a datagram that is too short; somebody else may have sent it."""
    asker.write('resolv.conf', SHORT)
    with odd.Odd(asker.namespace):
        answer = asker.there('addrinfo garbage.odd 80 inet stream 0 0')
    assert list(answer.values()) == ['= \n  2 1 6 0 16 10.7.0.1:80 \n']


def test_silence(asker, outside):
    """Both give up in time, and say so; one family that is silent does not hide the other."""
    asker.write('resolv.conf', SHORT)
    asked = ['addrinfo silent.odd. 80 unspec stream 0 0', 'nameinfo 10.7.0.1 80 0']
    with odd.Odd(asker.namespace, answer=lambda query: []):
        begin = time.monotonic()
        there = asker.there(*asked)
        assert 1 < time.monotonic() - begin < 10
    assert there == {
        asked[0]: '= Temporary failure in name resolution\n',
        asked[1]: '= Temporary failure in name resolution\n'}
    with odd.Odd(asker.namespace):
        asked = 'addrinfo four-silent.odd 80 unspec stream 0 0'
        assert asker.there(asked)[asked] == '= \n  2 1 6 0 16 10.7.0.1:80 \n'


@pytest.mark.parametrize('name', ['no-four-silent-six', 'silent-four-no-six'])
def test_half_an_answer_is_none(asker, name, outside):
    """There may be an address of the other kind."""
    asker.write('resolv.conf', SHORT)
    asked = f'addrinfo {name}.odd. 80 unspec stream 0 0'
    with odd.Odd(asker.namespace):
        assert asker.there(asked) == {asked: '= Temporary failure in name resolution\n'}


@pytest.mark.parametrize('first', ['nobody', 'silent', 'refused', 'servfail'])
def test_the_next_server_is_asked(asker, first, outside):
    """Where the first one is not there, says nothing or cannot tell."""
    asker.write('resolv.conf', 'nameserver 127.0.0.2\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
    asked = ['addrinfo fine.odd 80 inet stream 0 0']
    rcode = odd.RCODES.get(first)
    answer = (lambda query: [query.answer(rcode=rcode)]) if rcode else (lambda query: [])
    with odd.Odd(asker.namespace):
        if first == 'nobody':
            assert asker.differing(asked) == {}
            return
        with odd.Odd(asker.namespace, '127.0.0.2', answer) as other:
            assert asker.differing(asked) == {}
            assert len(other.queries) == 2


@pytest.mark.parametrize('options', ['', 'use-vc'])
def test_a_server_on_a_link(asker, options, outside):
    """Its interface has a name and a number over there only."""
    ip = ['ip', '-n', asker.namespace.name]
    for number in range(4):
        asker.namespace.run([*ip, 'link', 'add', f'br{number}', 'type', 'bridge'])
    asker.namespace.run([*ip, 'link', 'set', 'br3', 'up'])
    asker.namespace.run([*ip, 'address', 'add', 'fe80::9/64', 'dev', 'br3', 'nodad'])
    asker.namespace.await_addresses('fe80::9')
    asker.write('resolv.conf', f'nameserver fe80::9%br3\noptions {options}\n')
    with odd.Odd(asker.namespace, 'fe80::9%br3') as server:
        asked = ['addrinfo fine.odd 80 unspec stream 0 0', 'query truncated.odd 1']
        assert asker.differing(asked) == {}
        assert 'fine.odd' in {query.name for query in server.queries}


OPTIONS = {  # what is asked, as the server sees it
    '': {('udp', 1, 0x0100, 0), ('udp', 28, 0x0100, 0)},
    'use-vc': {('tcp', 1, 0x0100, 0), ('tcp', 28, 0x0100, 0)},
    'edns0': {('udp', 1, 0x0100, 1200), ('udp', 28, 0x0100, 1200)},
    'trust-ad': {('udp', 1, 0x0120, 0), ('udp', 28, 0x0120, 0)},
    'no-aaaa': {('udp', 1, 0x0100, 0)},
    'single-request edns0 trust-ad nonsense': {('udp', 1, 0x0120, 1200), ('udp', 28, 0x0120, 1200)},
}


def test_options(asker, outside):
    """Queries look as those of libc do."""
    asked = 'addrinfo fine.odd 80 unspec stream 0 0'
    for options, expected in OPTIONS.items():
        asker.write('resolv.conf', f'nameserver 127.0.0.1\noptions {options}\n')
        for ask in (asker.native, asker.there):
            with odd.Odd(asker.namespace) as server:
                assert '10.7.0.1' in ask(asked)[asked]
            saw = [(each.proto, each.kind, each.flags, each.payload) for each in server.queries]
            assert (options, sorted(saw)) == (options, sorted(expected))


def test_one_after_the_other(asker, outside):
    """With single-request IPv6 is not asked for before IPv4 is known."""
    asker.write('resolv.conf', 'nameserver 127.0.0.1\noptions single-request\n')
    late = []

    def answer(query):
        if query.kind == odd.A:
            time.sleep(0.2)
            late.append(len(server.queries))
        return odd.answers(query)

    with odd.Odd(asker.namespace, answer=answer) as server:
        asker.there('addrinfo fine.odd 80 unspec stream 0 0')
    assert late == [1] and len(server.queries) == 2


SEARCHES = [
    '', 'search a.odd b.odd', 'search a.odd b.odd\noptions ndots:3', 'options ndots:0\nsearch a.odd', 'search .',
    'search . a.odd', 'search .a.odd', 'search a.odd\noptions no-tld-query', 'domain a.odd',
    'search a.odd\ndomain b.odd', 'search', 'search\ta.odd\t# b.odd\n;search x\n search y',
    'search a.odd ; b.odd\noptions ndots:2 ; ndots:5', 'options ndots:99 timeout:99\nsearch a.odd',
    'search ' + ' '.join(f'd{i}.odd' for i in range(12)),
]
SERVERS = [
    'nameserver 127.0.0.1', 'nameserver\t127.0.0.1 # x', ' nameserver 127.0.0.9\nnameserver 127.0.0.1', 'nameserver 127.1',
    'nameserver 0x7f.1', 'nameserver nonsense\nnameserver 127.0.0.1', '', 'nameserver 127.0.0.1\r',
]


def answer_nothing(query):
    return [query.answer(rcode=odd.RCODES['servfail' if 'servfail' in query.name else 'nxdomain'])]


def seen(asker, ask, asked, **kwargs):
    """The answers, and what was asked for because of them."""
    with odd.Odd(asker.namespace, answer=answer_nothing) as server:
        answers = ask(*asked, **kwargs)
    return answers, [(each.name, each.kind, each.proto, each.payload) for each in server.queries]


def test_search_lists(asker, outside):
    """The same names are asked for, in the same order."""
    asked = questions.each('addrinfo {} 80 inet stream 0 0',
                           ('nxdomain', 'nx.domain', 'nx.domain.odd', 'nx.', 'servfail.x'))
    for text in [*(f'nameserver 127.0.0.1\n{text}\n' for text in SEARCHES),
                 *(f'{text}\nsearch a.odd\n' for text in SERVERS)]:
        asker.write('resolv.conf', text)
        assert (text, seen(asker, asker.native, asked)) == (text, seen(asker, asker.there, asked))


def test_a_domain_whose_server_fails(asker, outside):
    """The name may be in there. libc asks for the same names, and then says that there is none."""
    asker.write('resolv.conf', 'nameserver 127.0.0.1\nsearch servfail.odd b.odd\n')
    asked = 'addrinfo nxdomain 80 inet stream 0 0'
    native, there = seen(asker, asker.native, [asked]), seen(asker, asker.there, [asked])
    assert native[1] == there[1]
    assert there[0][asked] == '= Temporary failure in name resolution\n'


ENVIRONMENTS = [{'LOCALDOMAIN': 'env.odd'}, {'RES_OPTIONS': 'ndots:3 use-vc edns0'},
                {'LOCALDOMAIN': '', 'RES_OPTIONS': 'no-aaaa'}]


def test_the_environment(asker, outside):
    """It counts as it does for libc: it is the program's."""
    asker.write('resolv.conf', 'nameserver 127.0.0.1\nsearch a.odd\n')
    asked = ['addrinfo nxdomain 80 unspec stream 0 0', 'addrinfo nx.domain 80 unspec stream 0 0']
    for env in ENVIRONMENTS:
        native, there = seen(asker, asker.native, asked, env=env), seen(asker, asker.there, asked, env=env)
        assert native[0] == there[0] and sorted(native[1]) == sorted(there[1])
