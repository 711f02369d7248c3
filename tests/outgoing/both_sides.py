# SPDX-License-Identifier: MIT
"""both_sides.py ADDRESS...: asks each, by TCP and UDP, by sockets that are bound to anything first."""

import socket
import sys

for address in sys.argv[1:]:
    with socket.create_connection((address, 3000), 20, source_address=('', 0)) as sock:
        sock.sendall(b'hello')
        print(sock.recv(100))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(('', 0))
        sock.settimeout(20)
        sock.sendto(b'hello', (address, 3000))
        print(sock.recv(100))
