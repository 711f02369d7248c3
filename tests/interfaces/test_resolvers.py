# SPDX-License-Identifier: MIT
"""Programs with a resolver of their own ask the name servers of the broker's namespace, and nobody
else: c-ares in Node.js and aria2, Java, Perl, Python."""

import pathlib
import subprocess
import threading

import pytest

from support.names import Dns, Etc, Silence
from support.wait import require, skip

PYTHON = '/usr/bin/python3'
NAME, ADDRESS = 'host.test', '127.0.0.1'


@pytest.fixture
def dns(glibc, vpn, here):
    """A name server in the namespace. At the same address of this machine nothing may be asked.

    Each has an interface of its own: with the loopback interface alone aria2 asks nobody.
    """
    for namespace, name, number in ((here, 'outside0', 9), (vpn, 'inside0', 1)):
        namespace.run(['ip', 'link', 'add', name, 'type', 'ifb'])
        namespace.run(['ip', 'link', 'set', name, 'up'])
        namespace.run(['ip', 'address', 'add', f'2001:db8::{number}/64', 'dev', name, 'nodad'])
        namespace.run(['ip', 'address', 'add', f'192.0.2.{number}/24', 'dev', name])
    with Etc() as etc:
        etc.write(f'netns/{vpn.name}/resolv.conf', 'nameserver 127.0.0.1\n')
        etc.write(f'netns/{vpn.name}/hosts', '192.0.2.5 listed.test\n')
        etc.write(f'netns/{vpn.name}/nsswitch.conf', 'hosts: files dns\n')
        etc.write('resolv.conf', 'nameserver 127.0.0.2\n')
        etc.write('hosts', '192.0.2.9 listed.test\n')
        etc.write('nsswitch.conf', 'hosts: files dns\nnetworks: dns\n')
        server, silence = Dns(vpn, {NAME: [ADDRESS]}), Silence(here)
        yield server
        heard = silence.heard()
        silence.close()
        server.stop()
    here.run(['ip', 'link', 'delete', 'outside0'])
    assert heard == 0


@pytest.fixture
def answer(dns, vpn, redirected):
    """answer(ARGV): what a program under the library says, which has looked NAME up by itself."""
    def run(*argv):
        result = redirected(argv, XREDIRECT=vpn.server)
        assert (result.returncode, result.stderr) == (0, ''), result
        assert dns.asked(NAME) == 1
        return result.stdout
    return run


def test_node(no_sanitizer, answer):
    code = f'dns.resolve4("{NAME}", (error, found) => console.log(error, found, dns.getServers()))'
    assert answer(require('node'), '-e', code) == f"null [ '{ADDRESS}' ] [ '127.0.0.1' ]\n"


def test_perl(answer):
    perl = require('perl')
    if subprocess.run([perl, '-MNet::DNS', '-e', '1'], check=False, capture_output=True).returncode:
        skip('needs Net::DNS')
    code = ('open(my $file, "<", "/etc/hosts"); print <$file>;'
            f'print map {{ $_->address . "\\n" }} Net::DNS::Resolver->new->query("{NAME}")->answer;')
    assert answer(perl, '-MNet::DNS', '-e', code) == f'192.0.2.5 listed.test\n{ADDRESS}\n'


def test_dnspython(answer):
    found = 'import importlib.util as util; exit(util.find_spec("dns") is None)'
    if subprocess.run([PYTHON, '-c', found], check=False).returncode:
        skip('needs dnspython')
    code = ('import dns.resolver\n'
            'print(open("/etc/hosts").read().split()[0])\n'
            f'print(*dns.resolver.resolve("{NAME}", "A"))')
    assert answer(PYTHON, '-c', code) == f'192.0.2.5\n{ADDRESS}\n'


def test_all_hosts(dns, vpn, redirected):
    """gethostent(3) reads the namespace's file, again and again."""
    etc = pathlib.Path(f'/etc/netns/{vpn.name}/hosts')
    names = [f'{"x" * 60}{number}.test' for number in range(3000)]  # more than one buffer
    etc.write_text(''.join(f'192.0.2.5 {name} alias\n' for name in names) + '2001:db8::5 six.test\n')
    result = redirected([require('getent'), 'hosts'], XREDIRECT=vpn.server)
    assert [line.split() for line in result.stdout.splitlines()] == [['192.0.2.5', name, 'alias'] for name in names]
    assert (result.returncode, result.stderr) == (0, '')


ASK = r"""
import errno, socket, sys
def say(what, *args):
    try:
        print(args[0], getattr(socket, what)(*args))
    except OSError as e:
        print(args[0], type(e).__name__, errno.errorcode.get(e.errno, e.errno))
for name in ('listed.test', 'other.test', 'localhost'):
    say('getaddrinfo', name, 80)
    say('gethostbyname_ex', name)
say('getnameinfo', ('192.0.2.5', 80), socket.NI_NAMEREQD)
say('gethostbyname', '192.0.2.5')
"""


@pytest.mark.parametrize('server, why', [('/nowhere/at/all', 'there is no such control socket; start it: xsocket-server'),
                                         ('/dev/null', 'nobody listens there; start it: xsocket-server')])
def test_no_broker(dns, redirected, server, why):
    """Nothing is known of the namespace then, also not that it has no files: one line for each look-up."""
    result = redirected([PYTHON, '-c', ASK], XREDIRECT=server)
    said, lines = result.stdout.splitlines(), result.stderr.splitlines()
    assert said.pop() == '192.0.2.5 192.0.2.5'
    assert len(said) == 7 and all(line.endswith(' OSError ENETDOWN') for line in said), said
    assert len(lines) == 7 and all(f'libxredirect: {server}: its nsswitch.conf cannot be had: {why}' in line
                                   for line in lines), lines


@pytest.mark.parametrize('name', ['intern.test', '192.0.2.0'])
def test_names_of_networks(dns, vpn, redirected, name):
    """libc would ask for them in DNS, from here."""
    result = redirected([require('getent'), 'networks', name, name], XREDIRECT=vpn.server)
    assert (result.returncode, result.stdout) == (2, '')
    assert result.stderr == ('libxredirect: names of networks (networks(5)) are not redirected: getnetbyname() and '
                             'getnetbyaddr() find none; give the program addresses\n')


def test_aria2(vpn, dns, redirected, tmp_path):
    """It fetches a file from a server in the namespace."""
    aria2 = require('aria2c')
    listener = vpn.socket()
    listener.bind((ADDRESS, 8080))
    listener.listen()

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthere\n')

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    result = redirected([aria2, '--no-conf', '--async-dns=true', '-q',
                         f'--dir={tmp_path}', '--out=file', f'http://{NAME}:8080/file'],
                        XREDIRECT=vpn.server)
    thread.join(10)
    listener.close()
    assert (result.returncode, result.stdout) == (0, ''), result
    assert (tmp_path / 'file').read_text() == 'there\n'
    assert dns.asked(NAME) == 1


@pytest.fixture
def java(tmp_path):
    # one that lives for a second need not compile well; and others share /tmp with it
    options = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-XX:-UsePerfData']
    subprocess.run([require('javac'), *(f'-J{option}' for option in options), '-d', tmp_path,
                    pathlib.Path(__file__).with_name('Names.java')], check=True, timeout=60)
    return [require('java'), *options, '-cp', tmp_path, 'Names']


def test_java(no_sanitizer, dns, route, bare, redirected, java):
    """Its resolver, and its interfaces, which it has from sockets and from /proc."""
    inside = bare(java).stdout
    result = redirected([*java, NAME], XREDIRECT=route.server)
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout == f'{inside}{{a=A: {ADDRESS}}}\n'
    assert 'inside0 has /2001:db8:0:0:0:0:0:1%inside0/64' in inside
    assert dns.asked(NAME) == 1
