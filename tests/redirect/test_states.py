# SPDX-License-Identifier: MIT
"""A program that reads name servers from libc's state finds those of the namespace in it."""

import os
import re
import subprocess

import pytest

from support.names import Etc
from support.preloaded import SANITIZER

# What must be nowhere where a program is redirected.
HERE = ('nameserver 192.0.2.66\nnameserver 2001:db8::66\nnameserver 192.0.2.67\nsearch poison poison.example\n'
        'options ndots:9 timeout:11 attempts:5 rotate edns0 use-vc\nsortlist 192.0.2.0/255.255.255.0\n')
LONG = ' '.join(f'{letter * 50}.example' for letter in 'abcdefgh')
FILES = {
    'one': 'nameserver 192.0.2.53\n',
    'none': '# nothing\n',
    'three': 'nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n',
    'six, of both families': ''.join(
        f'nameserver 192.0.2.{i}\nnameserver 2001:db8::{i}\n' for i in range(1, 4)),
    'IPv6 first': 'nameserver 2001:db8::53\nnameserver 192.0.2.53\n',
    'IPv6 alone': 'nameserver ::1\nnameserver 2001:db8::53\nnameserver 2001:db8::54\n',
    'links': 'nameserver fe80::1%there0\nnameserver fe80::2%7\nnameserver 2001:db8::1%there0\n',
    'no such link': 'nameserver fe80::1%nowhere\nnameserver fe80::3\n',
    'stub': 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n',
    'search': 'search one.example two.example three\nnameserver 192.0.2.53\n',
    'domain': 'domain one.example\n',
    'many domains': 'search ' + ' '.join(f'd{i}.example' for i in range(9)) + '\n',
    'long domains': f'search {LONG}\n',
    'numbers': 'options ndots:3 timeout:1 attempts:4\n',
    'no numbers': 'options ndots:0 timeout:0 attempts:0\n',
    'large numbers': 'options ndots:99 timeout:99 attempts:99\n',
    'options': 'options rotate use-vc edns0\noptions no-tld-query single-request no-aaaa no-reload\n',
    'old options': 'options no_tld_query single-request-reopen trust-ad inet6\n',
}
# It is a program of ours, so leaks count.
LEAKS = {'ASAN_OPTIONS': SANITIZER['ASAN_OPTIONS'].replace('detect_leaks=0', 'detect_leaks=1')}
STEPS = ('ninit', 'nclose', 'init', 'init', 'prefer', 'init', 'ninit', 'nclose', 'many')
ENVIRONMENTS = [
    {'LOCALDOMAIN': 'own.example'}, {'LOCALDOMAIN': 'own.example  other.example'}, {'LOCALDOMAIN': ''},
    {'RES_OPTIONS': 'ndots:2 timeout:3 attempts:1'}, {'RES_OPTIONS': 'rotate no-aaaa'},
    {'LOCALDOMAIN': 'own.example', 'RES_OPTIONS': 'single-request-reopen no-reload'},
]


@pytest.fixture(name='etc')
def _etc():
    with Etc() as layer:
        layer.write('resolv.conf', HERE)
        yield layer


@pytest.fixture
def told(etc, vpn, other):
    """A link has other numbers here than there."""
    vpn.namespace.run(['ip', 'link', 'add', 'there0', 'index', '77', 'type', 'veth', 'peer', 'name', 'there1'])
    return lambda: {'XREDIRECT': vpn.server, 'SERVER': vpn.server, 'OTHER_SERVER': other.server}


@pytest.fixture
def states(program, redirected, vpn, etc):
    """states(STEP, ...): what the program says outside, under the library; None: of no broker."""
    def run(*steps, lines=0, **variables):
        said = redirected([program('states'), *steps], **LEAKS | variables)
        assert said.returncode == 0, said.stderr
        assert said.stderr.count('\n') == lines, said.stderr
        return said.stdout if not lines else (said.stdout, said.stderr)
    return run


@pytest.fixture
def inside(program, vpn, told):
    """The same bare inside, where the file of the namespace is mounted, as "ip netns exec" has it."""
    def run(*steps, **variables):
        script = (f'mount --bind /etc/netns/{vpn.name}/resolv.conf /etc/resolv.conf && '
                  f'exec nsenter --net={vpn.path} -- "$@"')
        return subprocess.run(
            ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', program('states'), *steps],
            env=os.environ | SANITIZER | told() | variables, check=True, capture_output=True, text=True,
            timeout=60).stdout
    return run


@pytest.fixture
def write(etc, vpn):
    """write(TEXT): the resolv.conf of the namespace."""
    return lambda text: etc.write(f'netns/{vpn.name}/resolv.conf', text)


def is_of_here(said):
    return '192.0.2.66' in said or '2001:db8::66' in said or 'poison' in said


def test_the_same_as_inside(states, inside, write):
    for name, text in FILES.items():
        write(text)
        bare = inside(*STEPS)
        assert not is_of_here(bare) and 'more memory: 0' in bare
        assert states(*STEPS) == bare, name


def test_environment(states, inside, write):
    write('search one.example\noptions timeout:7 edns0\nnameserver 192.0.2.53\n')
    said = {inside('ninit')}
    for variables in ENVIRONMENTS:
        bare = inside(*STEPS, **variables)
        assert states(*STEPS, **variables) == bare, variables
        said.add(bare)
    assert states('prefer', 'init', 'prefer') == inside('prefer', 'init', 'prefer')
    assert len(said) == len(ENVIRONMENTS) + 1


def test_a_domain_that_there_is_no_room_for(states, write):
    """Of which glibc dies."""
    write(f'search {"x" * 300}.example short\nnameserver 192.0.2.53\n')
    assert "domain '', search, none\n" in states('ninit', 'init')


def test_without_a_file(states, inside, etc):
    """It then is this machine's own that the namespace has."""
    etc.write('resolv.conf', 'nameserver 192.0.2.99\n')
    assert '192.0.2.99' in states('ninit')


def test_not_redirected(states, write):
    write('nameserver 192.0.2.53\n')
    untouched = states(*STEPS, LD_PRELOAD='')
    assert is_of_here(untouched) and '192.0.2.53' not in untouched
    assert states(*STEPS, XREDIRECT=None) == untouched
    assert states(*STEPS, XREDIRECT='.') == untouched


def test_contexts(states, write, etc, other):
    write('nameserver 192.0.2.53\n')
    etc.write(f'netns/{other.name}/resolv.conf', 'nameserver 2001:db8::54\nsearch other\n')
    said = states('thread', 'init', 'push', 'init', 'other', 'ninit', 'init', 'pop', 'init', 'pop', 'init',
                  XREDIRECT=None)
    found = re.findall(r'(?:2001:db8:|192\.0\.2\.)[:0-9]+', said.replace('family 0', ''))
    here, there, elsewhere = ['192.0.2.66', '2001:db8::66', '192.0.2.67'], ['192.0.2.53'], ['2001:db8::54']
    assert found == there + here + here + there + elsewhere + elsewhere + there + here


def test_what_a_context_left_is_not_asked_from_here(states, write):
    """The state of a thread that has left its context is this machine's again, once libc uses it."""
    write('nameserver 192.0.2.53\n')
    there, _, here = states('push', 'init', 'pop', 'look', XREDIRECT=None).partition('-- look')
    assert '192.0.2.53' in there and '192.0.2.53' not in here and is_of_here(here)


def test_libc_does_not_read_its_own_file_again(states, etc, vpn):
    """As it does where that has changed, and the state is what it made of it."""
    for path in (f'netns/{vpn.name}/resolv.conf', 'resolv.conf'):
        etc.write(path, 'nameserver 192.0.2.53\n')
    said = states('init', 'write', 'make')
    assert '192.0.2.77' not in said and said.count('192.0.2.53') == 2
    etc.write('resolv.conf', 'nameserver 192.0.2.53\n')
    assert '192.0.2.77' in states('init', 'write', 'make', XREDIRECT=None)


def test_no_broker(states, write, vpn):
    """No server of this machine is left for who goes on."""
    write('nameserver 192.0.2.53\n')
    vpn.broker.stop()
    said, line = states('ninit', 'init', 'prefer', 'nclose', lines=3)
    assert said.count('res_ninit(&own): ENETDOWN') == 1 and said.count('res_init(): ENETDOWN') == 2
    assert said.count('servers 0,') == 3 and not is_of_here(said)
    assert vpn.server in line and 'its resolv.conf cannot be had' in line
    assert states('init', XREDIRECT=None, LD_PRELOAD='') == states('init', XREDIRECT=None)


def test_broken_setting(states):
    said, line = states('ninit', 'init', XREDIRECT='', lines=1)
    assert said.count('EINVAL') == 2 and not is_of_here(said) and 'XREDIRECT' in line


def test_not_allowed(states, vpn, broker, tmp_path):
    conf = tmp_path / 'conf'
    conf.write_text('[Server]\nAllowResolver=no\n')
    strict = broker('--netns', vpn.name, '--config', str(conf), server=str(tmp_path / 'strict'))
    said, line = states('ninit', XREDIRECT=strict.server, lines=1)
    assert 'EACCES' in said and not is_of_here(said) and 'AllowResolver' in line
