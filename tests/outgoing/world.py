# SPDX-License-Identifier: MIT
"""A namespace in which there are servers and names, and an outside in which everything is an ear.

Outside, where the programs under libxredirect are, every address of the internet is one of the
loopback interface: whatever a program sends by a socket of its own arrives, at the same ports as
inside, is answered, wrongly, and is told (support/ears.py). What arrives nowhere is still seen by
who captures packets on all interfaces (support/capture.py). The name server that the outside's
resolv.conf names is such an ear, its hosts file lies, and its nsswitch.conf begins with a module
that asks all services of this machine (nss_ears.c).
"""

import contextlib
import os

from places import IPV4, IPV6, NAME_SERVER, NAMES, NOBODY, RECORDS, TCP, UDP
from servers import Keys
from support.broker import Broker, Vpn
from support.capture import Capture
from support.ears import SERVICES, WRONG, Ears
from support.layer import Layer
from support.names import Dns, Etc
from support.netns import Here, Namespace
from support.users import require_users


BROKER = '[Server]\nAllowSockets=tcp udp mptcp ping route\n'
FILES = {'resolv.conf': f'nameserver {NAME_SERVER}\n', 'hosts': '127.0.0.1 localhost\n',
         'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n'}


def inside(namespace):
    """The interfaces of the namespace: addresses that its programs see, a way to the silent one."""
    namespace.run(['ip', '-batch', '-'], input=f'''
        link add eth0 arp off type veth peer name nowhere
        link set eth0 up
        link set nowhere up
        addr add 192.0.2.10/24 dev eth0
        addr add 2001:db8::10/64 dev eth0 nodad
        addr add {IPV4}/32 dev lo
        addr add {NAME_SERVER}/32 dev lo
        addr add {IPV6}/128 dev lo nodad
        addr add {WRONG}/32 dev lo
        addr add {NOBODY}/128 dev lo nodad
        route add 2001:db8:dead::/64 dev eth0
        route add default dev eth0
        ''')
    namespace.await_addresses('2001:db8::10', IPV6, NOBODY)
    with namespace.entered():
        for name, value in (('ping_group_range', '0 2147483647'), ('tcp_fastopen', '3')):
            with open(f'/proc/sys/net/ipv4/{name}', 'w', encoding='ascii') as file:
                file.write(value)


@contextlib.contextmanager
def outside(here):
    """Every address is here as long as that lasts, and not one packet leaves."""
    commands = [f'addr add {IPV4}/32 dev lo', f'addr add {IPV6}/128 dev lo nodad',
                'route add local 0.0.0.0/0 dev lo', 'route add local ::/0 dev lo']
    here.run(['ip', '-batch', '-'], input='\n'.join(commands))
    here.await_addresses(IPV6)
    try:
        yield
    finally:
        here.run(['ip', '-batch', '-'],
                 input='\n'.join(each.replace(' add ', ' delete ').replace(' nodad', '')
                                 for each in reversed(commands)))


class World:
    """Both of it, with a broker for the namespace."""

    def __init__(self, build, name):
        require_users()  # dnsmasq sets its groups
        self.build, self.here = build, Here()
        with contextlib.ExitStack() as self.stack:
            self._make(name)
            self.stack = self.stack.pop_all()

    def _make(self, name):
        self.there, self.servers = Namespace(name), {}
        self.stack.callback(self.delete)
        inside(self.there)
        self._etc()
        self.stack.enter_context(outside(self.here))
        lib = self.stack.enter_context(Layer('/var/lib'))
        lib.write('sss/pipes/README', 'for a socket\n')
        self.names = Dns(self.there, NAMES, ttl=60, more=[f'--listen-address={NAME_SERVER}',
                                                          *RECORDS])
        self.stack.callback(self.names.stop)
        self.ears = Ears(self.here, TCP, UDP, SERVICES)
        self.stack.callback(self.ears.close)
        self.outside, self.inside = Capture(self.here), Capture(self.there)
        self.stack.callback(self.outside.close)
        self.stack.callback(self.inside.close)
        self.broker = self.start_broker()
        self.stack.callback(lambda: self.broker.stop())

    def _etc(self):
        """Of the namespace, where "ip netns" has it; and that of this machine, which is wrong."""
        self.etc = etc = self.stack.enter_context(Etc())
        etc.write('resolv.conf', f'nameserver {WRONG}\n')
        etc.write('hosts', f'127.0.0.1 localhost\n{WRONG} {" ".join(NAMES)}\n')
        etc.write('nsswitch.conf', 'passwd: files\ngroup: files\nhosts: ears dns files\n')
        for name, text in FILES.items():
            etc.write(f'netns/{self.there.name}/{name}', text)

    def start_broker(self):
        server = f'/run/xsocket/{self.there.name}'
        os.makedirs('/run/xsocket', exist_ok=True)
        with open(f'{server}.conf', 'w', encoding='ascii') as conf:
            conf.write(BROKER)
        return Broker(self.build, '--netns', self.there.name, '--config', f'{server}.conf',
                      server=server)

    @property
    def vpn(self):
        return Vpn(self.there, self.broker)

    @property
    def keys(self):
        return self.server(Keys)

    def server(self, kind):
        """The server of that class, which is started with the first who wants it."""
        if kind not in self.servers:
            self.servers[kind] = kind(self)
            self.stack.callback(self.servers[kind].close)
        return self.servers[kind]

    def strays(self):
        """What has been seen or heard outside since the last time."""
        return [*map(repr, self.outside.packets()), *self.ears.heard()]

    def enter(self, argv):
        """argv, bare inside: with the files of the namespace, as "ip netns exec" has it, and
        without nscd, which that would leave in the way."""
        mounts = [f'mount --bind /etc/netns/{self.there.name}/{name} /etc/{name}' for name in FILES]
        script = ' && '.join(['mount -t tmpfs none /run/nscd', *mounts,
                              f'exec nsenter --net={self.there.path} -- "$@"'])
        return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh',
                *map(str, argv)]

    def bare(self, **variables):
        """The environment of a program without the library."""
        kept = {name: value for name, value in os.environ.items()
                if name in ('PATH', 'TMPDIR', 'LANG') or name.startswith('PYENV')}
        # only who looks names up by libc finds what nsswitch.conf says first
        return kept | {'LD_LIBRARY_PATH': str(self.build / 'tests/outgoing')} | variables

    def under(self, **variables):
        """... and of one under it."""
        return self.bare(**{'LD_PRELOAD': str(self.build / 'xredirect/libxredirect.so'),
                            'XREDIRECT': self.broker.server} | variables)

    def delete(self):
        if os.path.exists(self.there.path):
            self.there.delete()

    def close(self):
        self.stack.close()
