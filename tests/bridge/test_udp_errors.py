# SPDX-License-Identifier: MIT
"""What the network says of datagrams that do not arrive is passed on, either way."""

import contextlib
import errno
import socket

import pytest

from support import datagrams
from support.datagrams import ask, error_of, nothing_more, tell_all
from support.names import Etc
from support.wait import wait_until

HOSTS = ['127.0.0.1', '::1']
PAIRS = pytest.mark.parametrize('near_host, far_host', [(a, b) for a in HOSTS for b in HOSTS])


@pytest.fixture
def forward(netns, bridge):
    """forward(near_host, far_host, ...): a bridge between two new namespaces."""
    made = []

    def start(near_host='127.0.0.1', far_host='127.0.0.1', connecting='', near=None, far=None,
              **kwargs):
        near, far = near or netns(), far or netns()
        listen, connect = (near_host, 4000), (far_host, 5000)
        started = bridge('--listen', f'{datagrams.text(*listen)},netns={near.name}', '--connect',
                         f'{datagrams.text(*connect)},netns={far.name}{connecting}', **kwargs)
        made.append(datagrams.Ends(near, far, started, listen, connect))
        return made[-1]

    yield start
    for ends in made:
        ends.end()


def link(one, other, name, net):
    """A pair of interfaces between two namespaces, .1 and .2 of a network."""
    one.run(['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', name, 'netns', other.name])
    for namespace, number in ((one, 1), (other, 2)):
        namespace.run(['ip', 'address', 'add', f'{net}.{number}/24', 'dev', name])
        namespace.run(['ip', 'link', 'set', name, 'up'])


@PAIRS
def test_nobody_listens_at_the_target(forward, near_host, far_host):
    """The client is refused as it would be without a bridge, and served once there is somebody."""
    ends = forward(near_host, far_host)
    client = ends.client()
    for count in (1, 2, 3):
        assert error_of(client) == errno.ECONNREFUSED
        ends.wait_counter(failed=count, connections=0)
    ask(client, ends.serve())


@PAIRS
def test_target_that_goes_and_comes_back(forward, near_host, far_host):
    ends = forward(near_host, far_host)
    client, other, server = ends.client(), ends.client(), ends.serve()
    ask(client, server)
    ask(other, server)
    server.close()
    assert error_of(client) == errno.ECONNREFUSED
    server = ends.serve()
    ask(client, server)
    ask(other, server)
    assert ends.counters()['connections'] == 2


def test_what_the_message_quotes(forward):
    """The client's kernel gives back the datagram that did not arrive (IP_RECVERR, ip(7))."""
    ends = forward()
    client = tell_all(ends.client())
    assert error_of(client, b'lost') == errno.ECONNREFUSED
    _, ancillary, _, peer = client.recvmsg(1000, 512, socket.MSG_ERRQUEUE)
    (level, kind, error), = ancillary
    assert (level, kind) == (socket.IPPROTO_IP, datagrams.IP_RECVERR)
    # struct sock_extended_err: error, by ICMP, type 3 "unreachable", code 3 "port"
    assert error[0] == errno.ECONNREFUSED and tuple(error[4:7]) == (2, 3, 3)
    assert peer == ('127.0.0.1', 4000)


@PAIRS
def test_client_that_is_gone(forward, near_host, far_host):
    """A server that goes on sending is told so, and the session ends."""
    ends = forward(near_host, far_host)
    server = ends.serve()
    client, other = ends.client(), ends.client()
    peer = ask(client, server)
    ask(other, server)
    server.connect(peer)
    client.close()
    server.send(b'to nobody')
    ends.wait_counter(reset=1, connections=1)
    assert error_of(server) == errno.ECONNREFUSED
    server.close()
    ask(other, ends.serve())


def test_any_address_and_a_client_that_is_gone(netns, bridge):
    """Of the sessions of a client, it is the one with the address that it asked."""
    near, far = netns(), netns()
    started = bridge('--listen', f'udp:*:4000,netns={near.name}',
                     '--connect', f'udp:127.0.0.1:5000,netns={far.name}')
    ends = datagrams.Ends(near, far, started)
    server, peers = ends.serve(), {}
    for family, hosts in ((socket.AF_INET, ['127.0.0.1', '127.0.0.2']), (socket.AF_INET6, ['::1'])):
        sock = ends.keep(near.socket(family, socket.SOCK_DGRAM))
        for host in hosts:
            sock.sendto(b'?', (host, 4000))
            peers[host] = server.recvfrom(10)[1]
        sock.close()
    for count, host in enumerate(['127.0.0.2', '::1', '127.0.0.1'], 1):
        server.sendto(b'!', peers[host])
        ends.wait_counter(reset=count, connections=3 - count)
    ends.end()


@pytest.mark.parametrize('near_host, expected', [('127.0.0.1', errno.EHOSTUNREACH),
                                                 ('::1', errno.ENETUNREACH)])
def test_no_way_to_the_target(forward, netns, near_host, expected):
    """Where connect(2) knows."""
    far = netns()
    far.run(['ip', 'route', 'add', 'unreachable', '10.9.9.9'])
    ends = forward(near_host, '10.9.9.9', far=far)
    assert error_of(tell_all(ends.client())) == expected
    ends.wait_counter(failed=1, connections=0)


@pytest.mark.parametrize('kind, expected', [
    ('unreachable', errno.EHOSTUNREACH), ('prohibit', errno.EHOSTUNREACH)])
def test_router_that_has_no_way(forward, netns, kind, expected):
    """Where a router on the way knows."""
    far, router = netns(), netns()
    link(far, router, 'way', '10.5.0')
    far.run(['ip', 'route', 'add', 'default', 'via', '10.5.0.2'])
    router.run(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
    router.run(['ip', 'route', 'add', kind, '10.6.0.1'])
    ends = forward(far_host='10.6.0.1', far=far)
    assert error_of(tell_all(ends.client())) == expected
    ends.wait_counter(failed=1, connections=0)


@pytest.mark.parametrize('near_host', HOSTS)
def test_packets_that_are_too_large(forward, netns, near_host):
    """A client that looks for the MTU of the path finds that of the whole path."""
    far, router, end = netns(), netns(), netns()
    link(far, router, 'way', '10.5.0')
    link(router, end, 'narrow', '10.6.0')
    for namespace in (router, end):
        namespace.run(['ip', 'link', 'set', 'narrow', 'mtu', '1000'])
    far.run(['ip', 'route', 'add', 'default', 'via', '10.5.0.2'])
    end.run(['ip', 'route', 'add', 'default', 'via', '10.6.0.1'])
    router.run(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
    ends = forward(near_host, '10.6.0.2', far=far)
    ends.far = end
    server, client = ends.serve(), ends.client()
    ask(client, server)
    if near_host == '::1':
        level, discover = socket.IPPROTO_IPV6, datagrams.IPV6_MTU_DISCOVER
    else:
        level, discover = socket.IPPROTO_IP, datagrams.IP_MTU_DISCOVER
    client.setsockopt(level, discover, datagrams.IP_PMTUDISC_DO)
    assert error_of(client, b'x' * 1400) == errno.EMSGSIZE
    if near_host != '::1':  # where the kernel does not keep it for the loopback interface
        assert client.getsockopt(level, datagrams.IP_MTU) == 1000
    # and who does not care is served: the bridge sends them in pieces from now on
    client.setsockopt(level, discover, 0)
    ask(client, server, b'y' * 1400)
    assert ends.counters()['connections'] == 1


def test_second_address_of_a_name(netns, bridge):
    """Who is refused by the first address of the target goes to the next one."""
    near, far = netns(), netns()
    with Etc() as etc:
        etc.write(f'netns/{far.name}/hosts', '::1 both\n127.0.0.1 both\n')
        started = bridge('--listen', f'udp:127.0.0.1:4000,netns={near.name}',
                         '--connect', f'udp:both:5000,netns={far.name}')
        for host in ('127.0.0.1', '::1'):
            ends = datagrams.Ends(near, far, started)
            server, client = ends.serve(host), ends.client()

            def served():
                with contextlib.suppress(ConnectionRefusedError):
                    client.send(b'?')
                    return not nothing_more(server, 0.2)

            wait_until(served, what=lambda: started.log)
            ends.close()


def test_remote_client_is_not_presented_as_a_local_one(netns, bridge):
    """127.0.0.1 may be trusted over there."""
    near, far, other = netns(), netns(), netns()
    link(near, other, 'way', '10.5.0')
    started = bridge('--listen', f'udp:10.5.0.1:4000,netns={near.name}',
                     '--connect', f'udp:127.0.0.1:5000,netns={far.name}')
    ends = datagrams.Ends(other, far, started, listen=('10.5.0.1', 4000))
    server, client = ends.serve(), ends.client()
    assert error_of(client) == errno.EHOSTUNREACH
    assert nothing_more(server)
    started.wait_log('a remote client would look like a local one to the target: say as-local')
    ends.end()
