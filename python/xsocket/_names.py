# SPDX-License-Identifier: MIT
"""Names, looked up in a namespace by libxsocket-resolver.

The functions of the module `socket` are replaced here, those of `_socket` that they call, and those
that other modules have imported by their names. What is numeric needs nobody to be asked, and is left
to libc, which AI_NUMERICHOST keeps from asking. Everything else is asked for in the namespace or not
at all: without libxsocket-resolver it is an error.
"""

from __future__ import annotations

import _socket
import ctypes
import functools
import os
import socket
import struct
import sys
from typing import Any, Callable, Iterator, Optional

from . import _context, _everywhere, _library

Found = tuple[int, int, int, str, tuple[Any, ...]]

HOST_NOT_FOUND, TRY_AGAIN = 1, 2  # of netdb.h

libc: dict[str, Callable[..., Any]] = {}
"""What was there before install(), by its name."""


def text_of(host: Any) -> Any:
    """For comparisons, as python -b forbids those of bytes with text."""
    return host.decode('latin-1') if isinstance(host, (bytes, bytearray)) else host


def is_numeric(host: str) -> bool:
    """Whether a host is an address that means the same in each namespace."""
    try:
        _socket.inet_pton(_socket.AF_INET6 if ':' in host else _socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True


def _bytes_of(text: Any, encoding: str) -> Optional[bytes]:
    """What C gets for a host or a port."""
    if isinstance(text, str):
        return text.encode(encoding)
    if text is None or isinstance(text, bytes):
        return text
    return bytes(text) if isinstance(text, bytearray) else b'%d' % text


def _sockaddr(info: _library.AddrInfo) -> tuple[Any, ...]:
    raw = ctypes.string_at(info.ai_addr, info.ai_addrlen)
    port = int.from_bytes(raw[2:4], 'big')
    if info.ai_family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[4:8]), port
    return (socket.inet_ntop(socket.AF_INET6, raw[8:24]), port, int.from_bytes(raw[4:8], 'big'),
            int.from_bytes(raw[24:28], sys.byteorder))


def _raw(host: str, port: int, flow: int = 0, zone: int = 0) -> bytes:
    """A struct sockaddr."""
    if ':' not in host:
        return struct.pack('=H', socket.AF_INET) + struct.pack(
            '!H4s8x', port, socket.inet_pton(socket.AF_INET, host))
    return struct.pack('=H', socket.AF_INET6) + struct.pack(
        '!HI16s', port, flow, socket.inet_pton(socket.AF_INET6, host)) + struct.pack('=I', zone)


def _resolver(server: str) -> ctypes.CDLL:
    try:
        return _library.resolver()
    except ImportError as error:
        raise socket.gaierror(socket.EAI_FAIL, f'{error} No name is looked up in {server} without it.')


def _failure(code: int, number: int, server: str, why: Optional[bytes]) -> OSError:
    """The exception for an EAI_* value, with the reason where the library knows one."""
    text = why.decode(errors='replace') if why else ''
    if code == socket.EAI_SYSTEM:
        return _library.failure(number, server, text)
    return socket.gaierror(code, text or gai_strerror(code))


def gai_strerror(code: int) -> str:
    function = ctypes.CDLL(None).gai_strerror
    function.restype = ctypes.c_char_p
    return str(function(code).decode(errors='replace'))


def _numeric_only(host: Any, port: Any, family: int, type: int, proto: int, flags: int
                  ) -> Optional[list[Found]]:
    """What libc makes of it without asking anybody; None: this is a name."""
    try:
        return libc['getaddrinfo'](host, port, family, type, proto,  # type: ignore[no-any-return]
                                   (flags | socket.AI_NUMERICHOST) & ~socket.AI_ADDRCONFIG)
    except socket.gaierror as error:
        if host is None or flags & socket.AI_NUMERICHOST or error.errno != socket.EAI_NONAME:
            raise
        return None


def _list(first: Any) -> Iterator[Found]:
    while first:
        info = first.contents
        yield (info.ai_family, info.ai_socktype, info.ai_protocol,
               (info.ai_canonname or b'').decode(), _sockaddr(info))
        first = info.ai_next


def look_up(server: str, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0,
            flags: int = 0) -> list[Found]:
    """As _socket.getaddrinfo(), in the broker's namespace."""
    # the zone of an address is an interface of the namespace
    if host is not None and '%' in str(text_of(host)):
        sys.audit('socket.getaddrinfo', host, port, family, type, proto)
    else:
        numeric = _numeric_only(host, port, family, type, proto, flags)
        if numeric is not None:
            return numeric
    library = _resolver(server)
    hints = _library.AddrInfo(ai_flags=flags, ai_family=family, ai_socktype=type, ai_protocol=proto)
    first = _library.AddrInfoPointer()
    code = library.xsocket_getaddrinfo(os.fsencode(server), _bytes_of(host, 'idna'),
                                       _bytes_of(port, 'utf-8'), hints, ctypes.byref(first))
    if code:
        raise _failure(code, ctypes.get_errno(), server, library.xsocket_resolver_why())
    try:
        return list(_list(first))
    finally:
        library.xsocket_freeaddrinfo(first)


def name_of(server: str, sockaddr: Any, flags: int) -> tuple[str, str]:
    """As _socket.getnameinfo(), in the broker's namespace."""
    # also makes sure that the address is one
    host, port = libc['getnameinfo'](sockaddr, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    host, _, zone = host.partition('%')
    if flags & socket.NI_NUMERICHOST and not zone:
        return libc['getnameinfo'](sockaddr, flags)  # type: ignore[no-any-return]
    library = _resolver(server)
    raw = _raw(host, int(port), *sockaddr[2:])
    name, service = ctypes.create_string_buffer(1025), ctypes.create_string_buffer(32)
    code = library.xsocket_getnameinfo(os.fsencode(server), raw, len(raw), name, len(name),
                                       service, len(service), flags)
    if code:
        raise _failure(code, ctypes.get_errno(), server, library.xsocket_resolver_why())
    return name.value.decode(errors='surrogateescape'), service.value.decode()


def _gethostbyname(server: str, host: Any, /) -> str:
    if text_of(host) in ('', '<broadcast>'):
        return '255.255.255.255' if host else '0.0.0.0'
    return _gethostbyname_ex(server, host)[2][0]


def _gethostbyname_ex(server: str, host: Any, /) -> tuple[str, list[str], list[str]]:
    found = look_up(server, host, None, socket.AF_INET, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
    return found[0][3] or host, [], list(dict.fromkeys(each[4][0] for each in found))


def _gethostbyaddr(server: str, host: Any, /) -> tuple[str, list[str], list[str]]:
    address = look_up(server, host, None, 0, socket.SOCK_STREAM)[0][4]
    try:
        name, _ = name_of(server, address, socket.NI_NAMEREQD)
    except socket.gaierror as error:
        raise socket.herror(TRY_AGAIN if error.errno == socket.EAI_AGAIN else HOST_NOT_FOUND,
                            error.strerror) from None
    return name, [], [address[0]]


_INSIDE: dict[str, Callable[..., Any]] = {
    'getaddrinfo': look_up, 'getnameinfo': name_of, 'gethostbyname': _gethostbyname,
    'gethostbyname_ex': _gethostbyname_ex, 'gethostbyaddr': _gethostbyaddr}


def _hooked(original: Callable[..., Any], inside: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        server = _context.target()
        if server is None:
            return original(*args, **kwargs)
        return inside(server, *args, **kwargs)

    return hooked


def install() -> None:
    """May be interrupted by itself."""
    if not libc:
        libc.update({name: getattr(_socket, name) for name in _INSIDE})
    _everywhere.replace([(libc[name], _hooked(libc[name], inside)) for name, inside in _INSIDE.items()])
