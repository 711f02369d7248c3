# SPDX-License-Identifier: MIT
"""Namespaces with brokers, and servers at the same address in each of them and outside."""

import contextlib
import http.server
import os
import socketserver
import threading

from support.broker import Broker
from support.names import Dns
from support.netns import Here, Namespace

PORT = 8080
NAMED = ('127.0.0.80', 80)
URL = f'http://127.0.0.1:{PORT}/'


class HTTPServer(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def server_bind(self):
        """Without the name of its address, for which http.server asks."""
        socketserver.TCPServer.server_bind(self)


class Web:
    """An HTTP server in a namespace, which answers with its name and counts."""

    def __init__(self, namespace, name, where=('127.0.0.1', PORT)):
        self.name, self.asked = name, 0
        with namespace.entered():
            self.server = HTTPServer(where, self._handler())
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def _handler(web):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                web.asked += 1
                text = web.name.encode()
                self.send_response(200)
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        return Handler

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Place:
    """A namespace with a broker of its name, and a web server."""

    def __init__(self, build, name, where=('127.0.0.1', PORT)):
        self.namespace, self.name = Namespace(name), name
        self.path = f'/run/xsocket/{name}'
        self.broker = Broker(build, '--netns', name, server=self.path)
        self.web = Web(self.namespace, name, where)
        self.cookie = self.namespace.cookie()

    def close(self):
        self.web.close()
        self.broker.stop()
        self.namespace.delete()


class Named(Place):
    """The same with a name server; the web server is where the names of the examples lead."""

    def __init__(self, build, name, names):
        os.makedirs('/run/xsocket', exist_ok=True)
        super().__init__(build, name, NAMED)
        self.dns = Dns(self.namespace, names)

    def close(self):
        self.dns.stop()
        super().close()


class World:
    """Some places, by their names as attributes, and `here`, the web server outside of them."""

    def __init__(self, build, *names):
        os.makedirs('/run/xsocket', exist_ok=True)
        self.stack = contextlib.ExitStack()
        self.here = self.close_later(Web(Here(), 'here'))
        self.own_cookie = Here().cookie()
        for name in names:
            setattr(self, name, self.close_later(Place(build, name)))

    def close_later(self, made):
        self.stack.callback(made.close)
        return made

    def close(self):
        self.stack.close()


def descriptors():
    return set(os.listdir('/proc/self/fd'))
