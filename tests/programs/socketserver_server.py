# SPDX-License-Identifier: MIT
"""socketserver_server.py PORT: echoes lines and datagrams, each client in a thread of its own."""

import signal
import socketserver
import sys
import threading


class Line(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(f'tcp {self.client_address[0]} '.encode() + self.rfile.readline())


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(f'udp {self.client_address[0]} '.encode() + data, self.client_address)


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


address = ('127.0.0.1', int(sys.argv[1]))
servers = [Tcp(address, Line), socketserver.ThreadingUDPServer(address, Datagram)]
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
threads = [threading.Thread(target=server.serve_forever) for server in servers]
for thread in threads:
    thread.start()
signal.sigwait([signal.SIGTERM])
for server in servers:
    server.shutdown()
    server.server_close()
for thread in threads:
    thread.join()
