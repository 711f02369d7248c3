# SPDX-License-Identifier: MIT
"""What libc says inside a namespace is what resolver/ says outside of it, question by question."""

import pytest
import questions

ADDRESSES = ('10.1.1.9/24', '10.4.0.9/24', 'fd00::9/64', 'fe80::9/64')


@pytest.fixture
def network(asker):
    """An interface with addresses of all kinds, by which the world can be reached."""
    ip = ['ip', '-n', asker.namespace.name]
    run = asker.namespace.run
    run([*ip, 'link', 'add', 'br0', 'type', 'bridge'])
    run([*ip, 'link', 'set', 'br0', 'up'])
    for address in ADDRESSES:
        run([*ip, 'address', 'add', address, 'dev', 'br0', *(['nodad'] if ':' in address else [])])
    for family in ('-4', '-6'):
        run([*ip, family, 'route', 'add', 'default', 'dev', 'br0'])


def differing(asker, asked, **kwargs):
    """{question: (answer of libc, of resolver/)} where these differ."""
    native, there = asker.native(*asked, **kwargs), asker.there(*asked, **kwargs)
    return {question: (native[question], there[question]) for question in asked
            if native[question] != there[question]}


def test_every_question(asker, network, dns, outside):
    asker.write('hosts', questions.HOSTS)
    asker.write('resolv.conf', questions.RESOLV_CONF)
    dns(asker.namespace, more=questions.RECORDS)
    assert differing(asker, questions.ALL) == {}
