# SPDX-License-Identifier: MIT
"""Packets, as the kernel shows them to whoever asks (packet(7)): on all interfaces of a namespace."""

import itertools
import socket
import struct

from support.wait import wait_until

ETH_P_ALL = 3
SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_RCVBUFFORCE = 33
HOP_BY_HOP = 0
SYN, ACK = 2, 16
PROTOCOLS = {socket.IPPROTO_ICMP: 'icmp', socket.IPPROTO_TCP: 'tcp', socket.IPPROTO_UDP: 'udp',
             socket.IPPROTO_ICMPV6: 'icmpv6', socket.IPPROTO_IGMP: 'igmp'}
# A datagram to a port of loopback that nobody has: all that was sent before it has been seen when
# it has been. No two are the same.
MARKER_PORT = 9
_numbers = itertools.count(1)


class Packet:
    """What there is to know of one: from where, to where, how, with what."""

    def __init__(self, data, interface):
        self.interface = interface
        if data[:1] and data[0] >> 4 == 4:
            header, protocol = (data[0] & 15) * 4, data[9]
            source, target = (socket.inet_ntop(socket.AF_INET, data[at:at + 4]) for at in (12, 16))
        elif data[:1] and data[0] >> 4 == 6:
            header, protocol = 40, data[6]
            source, target = (socket.inet_ntop(socket.AF_INET6, data[at:at + 16]) for at in (8, 24))
            if protocol == HOP_BY_HOP:
                protocol, header = data[40], 48 + 8 * data[41]
        else:
            header, protocol, source, target = 0, 'no IP', '', ''
        self.source, self.target = source, target
        self.protocol = PROTOCOLS.get(protocol, str(protocol))
        self.source_port = self.port = None
        self.data = data[header:]
        if self.protocol in ('tcp', 'udp') and len(self.data) >= 8:
            self.source_port, self.port = struct.unpack_from('!2H', self.data)

        self.flags = self.data[13] if self.protocol == 'tcp' and len(self.data) > 13 else 0
        self.data = self.data[self._header():]

    def _header(self):
        if self.protocol == 'tcp' and len(self.data) > 12:
            return (self.data[12] >> 4) * 4
        return 8 if self.protocol == 'udp' else 0

    @property
    def begins(self):
        """'tcp 80', 'udp 53', 'ping': for the packets of a client to a server; '' for all others."""
        if self.protocol == 'tcp':
            return f'tcp {self.port}' if self.flags & (SYN | ACK) == SYN else ''
        if self.protocol == 'udp':
            # a client's own port is one that the kernel chose, or a random one
            return f'udp {self.port}' if self.port <= self.source_port else ''
        echo = {'icmp': 8, 'icmpv6': 128}.get(self.protocol)
        return 'ping' if echo is not None and self.data[:1] == bytes([echo]) else ''

    def __repr__(self):
        ports = '' if self.port is None else f' from {self.source_port} to {self.port}'
        return f'<{self.interface}: {self.protocol} {self.source} > {self.target}{ports}: ' \
               f'{self.data[:60]!r}>'


class Capture:
    """All packets of a namespace from now on."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.sock = namespace.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.sock.settimeout(10)
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
        except PermissionError:  # root of a user namespace only
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 25)
        self.marker = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def packets(self):
        """Those since the last time. Fails if some were lost, or if nothing is seen at all."""
        mark = b'marker %d of a capture' % next(_numbers)
        self.marker.sendto(mark, ('127.0.0.1', MARKER_PORT))
        found = []
        while True:
            data, (interface, _, kind, *_) = self.sock.recvfrom(65536)
            packet = Packet(data, interface)
            if packet.data == mark:
                break
            # what loopback has sent comes again, as received
            if not (b'marker ' in packet.data and b' of a capture' in packet.data) and (
                    interface != 'lo' or kind == socket.PACKET_OUTGOING):
                found.append(packet)
        assert struct.unpack('II', self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1] == 0
        return found

    def wait_for(self, matches):
        """Waits for a packet for which that is true, and returns all up to then."""
        found = []

        def seen():
            found.extend(self.packets())
            return any(map(matches, found))

        wait_until(seen, what=lambda: found)
        return found

    def close(self):
        self.sock.close()
        self.marker.close()
