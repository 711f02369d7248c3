# SPDX-License-Identifier: MIT
"""A bridge with a configuration file, between two namespaces."""

import contextlib

from support.greeters import Client, Greeter, greeting

LISTEN = 'tcp:127.0.0.1:4000'


class Setting:
    """Two namespaces, servers "one" and "two" in the far one, and a bridge with a configuration."""

    def __init__(self, netns, bridge, directory):
        self.near, self.far = netns(), netns()
        self.start_bridge, self.stack = bridge, contextlib.ExitStack()
        self.path, self.bridge = directory / 'bridge.conf', None
        self.one = Greeter(self.far, 'one', 'tcp:127.0.0.1:5001')
        self.two = Greeter(self.far, 'two', 'tcp:127.0.0.1:5002')
        self.stack.callback(self.one.close)
        self.stack.callback(self.two.close)

    def forward(self, name='web', listen=LISTEN, server=None, more=''):
        server = (server or self.one).address
        # the path of a Unix socket is the same everywhere
        near = '' if listen.startswith('unix:') else f',netns={self.near.name}'
        return f'[Forward {name}]\nListen={listen}{near}\n' \
               f'Connect={server},netns={self.far.name}\n{more}\n'

    def write(self, *forwards, limits=''):
        self.path.write_text(f'[Bridge]\n{limits}\n' + ''.join(forwards))

    def start(self, *forwards, limits='', args=(), **kwargs):
        self.write(*forwards or [self.forward()], limits=limits)
        self.bridge = self.start_bridge('--config', self.path, *args, **kwargs)
        return self.bridge

    def reload(self, *forwards, limits=''):
        """Returns what it says about that."""
        before = len(self.bridge.log)
        self.write(*forwards, limits=limits)
        self.bridge.reload()
        return self.bridge.log[before:]

    def client(self, text=LISTEN):
        client = Client(self.near, text)
        self.stack.callback(client.close)
        return client

    def greeting(self, text=LISTEN):
        return greeting(self.near, text)

    def refused(self, text=LISTEN):
        return self.greeting(text) == 'refused'

    def sockets(self):
        """How many the bridge has."""
        return sum(what.startswith('socket:') for what in self.bridge.fds().values())

    def close(self):
        self.stack.close()
