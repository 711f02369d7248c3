# SPDX-License-Identifier: MIT
"""transparent: the target sees the client's own address, ip(7), IP_TRANSPARENT.

Answers to it have to come back to the bridge. In these namespaces, as in the manual page, what the
target sends is taken for one's own by a rule and a route.
"""

import pytest

from support import streams
from support.webservers import asked

SERVERS = pytest.mark.parametrize('kind', ['nginx', 'haproxy'])
V4 = {'listener': '10.3.0.1', 'client': '10.3.0.5', 'target': '10.4.0.1', 'length': 32}
V6 = {'listener': 'fd03::1', 'client': 'fd03::5', 'target': 'fd04::1', 'length': 128}


def endpoint(host, port):
    return f'tcp:[{host}]:{port}' if ':' in host else f'tcp:{host}:{port}'


def prepare(near, far, net):
    """Addresses, and the way back."""
    for namespace, hosts in ((near, ('listener', 'client')), (far, ('target',))):
        for host in hosts:
            namespace.run(['ip', 'address', 'add', f'{net[host]}/{net["length"]}', 'dev', 'lo',
                           *(['nodad'] if net is V6 else [])])
        if net is V6:
            namespace.await_addresses(*(net[host] for host in hosts))
    ip = ['ip', '-6' if net is V6 else '-4']
    far.run([*ip, 'rule', 'add', 'from', net['target'], 'lookup', '100'])
    far.run([*ip, 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', '100'])


@pytest.fixture
def transparent(netns, forward):
    """transparent(V4): a bridge between namespaces that are prepared for it."""
    def start(net, **kwargs):
        near, far = netns(), netns()
        prepare(near, far, net)
        return forward(near=near, far=far, listen=endpoint(net['listener'], 4000),
                       connect=endpoint(net['target'], 5001), connecting=',transparent', **kwargs)

    return start


@SERVERS
@pytest.mark.parametrize('net', [V4, V6], ids=['v4', 'v6'])
def test_server_sees_the_client(transparent, webserver, kind, net):
    ends = transparent(net, serve=False)
    webserver(ends.far, kind)
    for _ in range(3):
        seen = asked(ends.connect(source=net['client'])).split()
        assert (seen[0], seen[2]) == (net['client'], net['target'])


def test_much_data_and_ends(transparent):
    ends = transparent(V4)
    client = ends.connect(source=V4['client'])
    server = ends.accept()
    assert server.getpeername()[0] == V4['client']
    task = streams.Task(client.sendall, streams.data(4 << 20))
    assert streams.read_exactly(server, 4 << 20) == streams.data(4 << 20)
    task.result()
    streams.reset(server)
    assert streams.ending(client) == (b'', 'ECONNRESET')


def test_client_that_a_header_tells_of(transparent):
    ends = transparent(V4, listening=',proxy=any')
    client = ends.connect(source=V4['client'])
    client.sendall(b'PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222\r\nx')
    server = ends.accept()
    assert server.getpeername()[0] == '192.0.2.1'
    assert streams.read_exactly(server, 1) == b'x'


def test_client_of_another_family(netns, forward):
    """It has no address there: it is reset, and the log says why."""
    near, far = netns(), netns()
    prepare(near, far, V4)
    prepare(near, netns(), V6)
    ends = forward(near=near, far=far, listen='tcp:[::]:4000', connect='tcp:10.4.0.1:5001',
                   connecting=',transparent')
    ends.listen = 'tcp:[fd03::1]:4000'
    assert ends.connect_and_end(source=V6['client']) == (b'', 'ECONNRESET')
    assert not streams.readable(ends.listener, 0)
    ends.bridge.wait_log(',transparent: Address family not supported')
    ends.listen = 'tcp:10.3.0.1:4000'
    ends.connect(source=V4['client'])
    assert ends.accept().getpeername()[0] == V4['client']


def test_with_a_broker(vpn, netns, bridge, webserver):
    """Its socket, and the bridge's privilege."""
    near = netns()
    prepare(near, vpn, V4)
    bridge('--listen', f'tcp:10.3.0.1:4000,netns={near.name}',
           '--connect', f'tcp:10.4.0.1:5001,broker={vpn.server},transparent')
    webserver(vpn, 'nginx')
    client = streams.connect(near, 'tcp:10.3.0.1:4000', V4['client'])
    assert asked(client).split()[0] == V4['client']


def test_without_privilege(served, bridge, unprivileged):
    """It cannot be: clients are reset, and the log says what is missing."""
    near, far = served(), served()
    prepare(near, far, V4)
    one = bridge('--listen', f'tcp:10.3.0.1:4000,broker={near.server}',
                 '--connect', f'tcp:10.4.0.1:5001,broker={far.server},transparent',
                 wrap=unprivileged)
    with streams.listen(far, 'tcp:10.4.0.1:5001') as listener:
        end = streams.end_of_connecting(near, 'tcp:10.3.0.1:4000', V4['client'])
        assert end == (b'', 'ECONNRESET')
        assert not streams.readable(listener, 0)
    one.wait_log(',transparent: Operation not permitted')
