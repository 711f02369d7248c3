# SPDX-License-Identifier: MIT
"""A name server that answers as it is told by the name that it is asked for, right or wrong."""

import contextlib
import ipaddress
import socket
import struct
import threading

A, CNAME, PTR, AAAA, OPT = 1, 5, 12, 28, 41
RCODES = {'formerr': 1, 'servfail': 2, 'nxdomain': 3, 'notimp': 4, 'refused': 5}


def encode(name):
    """A name, whose labels may have any bytes: text or bytes, "|" between them where dots are not."""
    labels = name.split('|' if '|' in name else '.') if name else []
    return b''.join(bytes([len(label)]) + label.encode('latin-1') for label in labels) + b'\0'


def record(name, kind, data, ttl=60):
    if kind in (A, AAAA):
        data = ipaddress.ip_address(data).packed
    elif isinstance(data, str):
        data = encode(data)
    return encode(name) + struct.pack('!HHIH', kind, 1, ttl, len(data)) + data


class Query:
    """What came."""

    def __init__(self, packet, proto):
        self.packet, self.proto = packet, proto
        self.number, self.flags, _, _, _, additional = struct.unpack('!6H', packet[:12])
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode('latin-1'))
            at += 1 + packet[at]
        self.question = packet[12:at + 5]
        self.name = '.'.join(labels)
        self.kind, = struct.unpack('!H', packet[at + 1:at + 3])
        self.payload = 0  # EDNS: how long an answer may be
        if additional:
            self.payload, = struct.unpack('!H', packet[at + 8:at + 10])

    def answer(self, *records, rcode=0, flags=0x8180, question=None, number=None):
        question = self.question if question is None else question
        return struct.pack('!6H', self.number if number is None else number, flags | rcode,
                           1 if question else 0, len(records), 0, 0) + question + b''.join(records)


def answers(query):
    """Bytes to be sent back, one after the other."""
    first, name = query.name.partition('.')[0].lower(), query.name
    address = {A: '10.7.0.1', AAAA: 'fd00::7:1'}.get(query.kind)
    good = query.answer(record(name, query.kind, address)) if address else query.answer()
    if first in RCODES:
        return [query.answer(rcode=RCODES[first])]
    if first.startswith('four-') and query.kind == AAAA:
        first = first[5:]
        return [] if first == 'silent' else [query.answer(rcode=RCODES[first])]
    if first == 'no-four-silent-six' or first == 'silent-four-no-six':
        return [query.answer()] if first.startswith('no' if query.kind == A else 'silent') else []
    if first == 'silent':
        return []
    if first == 'truncated' and query.proto == 'udp':
        return [query.answer(flags=0x8380)]
    if first == 'huge' and query.kind == A:
        if query.proto == 'udp':
            return [query.answer(flags=0x8380)]
        return [query.answer(*(record(name, A, f'10.8.{i >> 8}.{i & 255}') for i in range(1500)))]
    if first == 'garbage':
        return [b'\0', query.packet[:2] + b'\x81\x80', good]
    if first == 'stranger':  # answers to what was not asked, and then the one
        return [query.answer(record(name, A, '10.66.0.1'), number=query.number ^ 1),
                query.answer(record('other.odd', A, '10.66.0.2'),
                             question=encode('other.odd') + struct.pack('!HH', query.kind, 1)), good]
    if first == 'unasked':
        return [query.answer(record('other.odd', A, '10.66.0.3'), record(name, query.kind, address))]
    if first == 'wrong-size':
        return [query.answer(encode(name) + struct.pack('!HHIH', query.kind, 1, 60, 3) + b'abc')]
    if first == 'cut':
        return [good[:-3]]
    if first in ALIASES:
        return [query.answer(*(record(*each) for each in ALIASES[first](name, query.kind, address)
                               if each[2]))]
    if query.kind == PTR:
        return [query.answer(*(record(name, PTR, each) for each in POINTERS.get(first, [])))]
    return [good]


ALIASES = {
    'chain': lambda name, kind, address: [(name, CNAME, 'mid.odd'), ('mid.odd', CNAME, 'end.odd'),
                                          ('end.odd', kind, address)],
    'backwards': lambda name, kind, address: [('end.odd', kind, address), ('mid.odd', CNAME, 'end.odd'),
                                              (name, CNAME, 'mid.odd')],
    'circle': lambda name, kind, address: [(name, CNAME, 'mid.odd'), ('mid.odd', CNAME, name)],
    'evil': lambda name, kind, address: [(name, CNAME, 'a b;c|odd'), ('a b;c|odd', kind, address)],
    'dash': lambda name, kind, address: [(name, CNAME, '-rf.odd'), ('-rf.odd', kind, address)],
    'dotted': lambda name, kind, address: [(name, CNAME, 'a.b|odd'), ('a.b|odd', kind, address)],
    'case': lambda name, kind, address: [(name.upper(), CNAME, 'End.ODD'), ('end.odd', kind, address)],
    'late': lambda name, kind, address: [('x.odd', kind, address), (name, CNAME, 'y.odd'),
                                         ('y.odd', kind, address)],
}

POINTERS = {
    '1': ['one.odd'], '2': ['a b;c|odd'], '3': ['-rf.odd'], '4': ['a\nb|odd'], '5': ['bad name|odd', 'good.odd'],
    '6': ['_under.odd'], '8': ['\xff|odd'],
}


class Odd:
    """Serves port 53 of an address in a namespace, as long as it is entered."""

    def __init__(self, namespace, address='127.0.0.1', answer=answers):
        self.answer_to, self.queries = answer, []
        with namespace.entered():
            family, *_, at = socket.getaddrinfo(address, 53, flags=socket.AI_NUMERICHOST)[0]
        self.udp = namespace.socket(family, socket.SOCK_DGRAM)
        self.tcp = namespace.socket(family, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for sock in (self.udp, self.tcp):
            sock.bind(at)
        self.tcp.listen()
        self.threads = [threading.Thread(target=run) for run in (self._serve_udp, self._serve_tcp)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for sock in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()

    def _take(self, packet, proto):
        query = Query(packet, proto)
        self.queries.append(query)
        return self.answer_to(query)

    def _serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                packet, client = self.udp.recvfrom(65536)
                if not client:  # shut down
                    return
                for answer in self._take(packet, 'udp'):
                    self.udp.sendto(answer, client)

    def _serve_tcp(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.tcp.accept()
                with sock, contextlib.suppress(OSError):
                    self._serve_stream(sock.makefile('rwb'))

    def _serve_stream(self, stream):
        while len(size := stream.read(2)) == 2:
            for answer in self._take(stream.read(struct.unpack('!H', size)[0]), 'tcp'):
                stream.write(struct.pack('!H', len(answer)) + answer)
            stream.flush()
