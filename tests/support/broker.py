# SPDX-License-Identifier: MIT
"""Brokers that a test starts by hand."""

import os

from support import daemon, wire


def program(build):
    """The broker of this build, or of another one: a library for musl has none with it."""
    return os.environ.get('XSOCKET_SERVER') or str(build / 'server/xsocket-server')


class Broker(daemon.Daemon):
    """A running xsocket-server."""

    what = 'broker'

    def __init__(self, build, *args, server=None, **kwargs):
        self.server = server
        super().__init__([program(build), *args, *([] if server is None else [server])], **kwargs)

    def connect(self, timeout=10):
        return wire.Connection(self.server, timeout)

    def ask(self, *args):
        return wire.ask(self.server, *args)


class Vpn:
    """A namespace with a broker in it: what most tests need. As Namespace, and more."""

    def __init__(self, namespace, broker):
        self.namespace, self.broker, self.server = namespace, broker, broker.server

    def __getattr__(self, name):
        return getattr(self.namespace, name)


def run(build, *args, **kwargs):
    """The command, run to its end: for calls that do not serve."""
    return daemon.run([program(build), *args], **kwargs)
