# SPDX-License-Identifier: MIT
"""Sockets of other network namespaces, from a broker: xsocket-server(8).

    import urllib.request
    import xsocket

    with xsocket.namespace('vpn'):
        page = urllib.request.urlopen('http://example.com/').read()

namespace(), push() and pop() redirect whatever Python code makes sockets and looks names up, each
thread and each asyncio task on its own. socket() and Client ask for single sockets. getaddrinfo() and
getnameinfo() look names up in a namespace. docs/PYTHON.md tells what is redirected and what cannot be.
"""

from ._api import Client, getaddrinfo, getnameinfo, socket
from ._config import VERSION as __version__
from ._context import HERE
from ._namespace import current, namespace, pop, push

__all__ = ['HERE', 'Client', '__version__', 'current', 'getaddrinfo', 'getnameinfo', 'namespace',
           'pop', 'push', 'socket']
