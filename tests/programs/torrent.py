# SPDX-License-Identifier: MIT
"""As much BitTorrent as it takes to get a piece from a program: BEP 3, BEP 6 by which nobody has to
wait for his turn, and BEP 29 for uTP."""

import hashlib
import os
import struct

from programs import client, receive, talk

PIECE = b'a piece of it'.ljust(16384, b'.')


def bencode(value):
    if isinstance(value, int):
        return b'i%de' % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b'%d:%s' % (len(value), value)
    return b'd' + b''.join(bencode(name) + bencode(value[name]) for name in sorted(value)) + b'e'


INFO = {'length': len(PIECE), 'name': 'payload', 'piece length': len(PIECE),
        'pieces': hashlib.sha1(PIECE).digest(), 'private': 1}
TORRENT = bencode({'info': INFO})
INFO_HASH = hashlib.sha1(bencode(INFO)).digest()

UNCHOKE, INTERESTED, BITFIELD, REQUEST, PIECE_MESSAGE = 1, 2, 5, 6, 7
HAVE_ALL, ALLOWED_FAST = 14, 17
FAST = b'\0\0\0\0\0\0\0\4'


def _message(sock):
    """(Kind, body) of the next one that is not a mere sign of life."""
    size = 0
    while size == 0:
        size, = struct.unpack('!I', receive(sock, 4))
    body = receive(sock, size)
    return body[0], body[1:]


def _download(sock):
    protocol = b'\x13BitTorrent protocol'
    sock.sendall(protocol + FAST + INFO_HASH + b'-XS0001-' + os.urandom(12))
    answer = receive(sock, 68)
    if not answer:
        return None
    assert answer.startswith(protocol) and answer[28:48] == INFO_HASH, answer
    assert _message(sock) in ((BITFIELD, b'\x80'), (HAVE_ALL, b''))
    sock.sendall(struct.pack('!IB', 1, INTERESTED))
    while _message(sock) not in ((UNCHOKE, b''), (ALLOWED_FAST, bytes(4))):
        pass
    sock.sendall(struct.pack('!IBIII', 13, REQUEST, 0, 0, len(PIECE)))
    while True:
        kind, body = _message(sock)
        if kind == PIECE_MESSAGE:
            return body[8:]


def download(namespace, port, host='127.0.0.1'):
    """The whole of the torrent, which is one piece; or None from a peer that hangs up at once."""
    with client(namespace, port, host) as sock:
        try:
            return _download(sock)
        except ConnectionResetError:
            return None


def connect_utp(namespace, port, host='127.0.0.1'):
    """The answer to a connection over UDP: the kind, which is a state, and of which connection."""
    syn = struct.pack('!BBHIIIHH', 0x41, 0, 0x1234, 0, 0, 65536, 1, 0)
    kind, _, connection = struct.unpack_from('!BBH', talk(namespace, port, syn, host, 'udp'))
    assert (kind, connection) == (0x21, 0x1234)
    return kind, connection
