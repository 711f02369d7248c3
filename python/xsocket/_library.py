# SPDX-License-Identifier: MIT
"""libxsocket.so.1, libxsocket-resolver.so.1, and what their errors become.

The dynamic linker looks for them, as for those of any program; what it does not find is looked for
in the directory that they were installed in. They are loaded when they are first needed.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_void_p
from typing import Any, Optional

from . import _config

RUN = '/run/xsocket'
WHY = 448  # XSOCKET_WHY of xsocket.h


class AddrInfo(ctypes.Structure):
    """struct addrinfo, of netdb.h."""


AddrInfoPointer = POINTER(AddrInfo)  # made once: ctypes may forget that it has

AddrInfo._fields_ = [
    ('ai_flags', c_int), ('ai_family', c_int), ('ai_socktype', c_int), ('ai_protocol', c_int),
    ('ai_addrlen', ctypes.c_uint32), ('ai_addr', c_void_p), ('ai_canonname', c_char_p),
    ('ai_next', AddrInfoPointer),
]

Prototypes = dict[str, tuple[Any, list[Any]]]

_CLIENT: Prototypes = {
    'xsocket_client_new': (c_void_p, [c_char_p]),
    'xsocket_client_sockets': (c_int, [c_void_p, c_int, c_int, c_int, POINTER(c_int), c_uint]),
    'xsocket_client_free': (None, [c_void_p]),
    'xsocket_why': (c_char_p, [c_char_p, c_int, c_char_p, c_size_t]),
}
_RESOLVER: Prototypes = {
    'xsocket_getaddrinfo': (c_int, [c_char_p, c_char_p, c_char_p, AddrInfoPointer,
                                    POINTER(AddrInfoPointer)]),
    'xsocket_freeaddrinfo': (None, [AddrInfoPointer]),
    'xsocket_getnameinfo': (c_int, [c_char_p, c_char_p, ctypes.c_uint32, c_char_p, ctypes.c_uint32,
                                    c_char_p, ctypes.c_uint32, c_int]),
    'xsocket_resolver_why': (c_char_p, []),
}


def _load(name: str, prototypes: Prototypes) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(name, use_errno=True)
    except OSError as error:
        path = os.path.join(_config.LIBDIR, name)
        if not os.path.isabs(path) or not os.path.exists(path):
            raise ImportError(f'{name} cannot be loaded: {error}. Is xsocket installed, and has '
                              'ldconfig run since?') from None
        library = ctypes.CDLL(path, use_errno=True)
    for function, (result, arguments) in prototypes.items():
        if not hasattr(library, function):
            raise ImportError(f'{name} has no {function}(): it and this package are of versions that '
                              'do not fit, install the same one')
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library


_loaded: dict[str, ctypes.CDLL] = {}


def client() -> ctypes.CDLL:
    """libxsocket. Raises ImportError where it cannot be loaded."""
    return _loaded.get('client') or _loaded.setdefault(
        'client', _load('libxsocket.so.1', _CLIENT))


def resolver() -> ctypes.CDLL:
    """libxsocket-resolver. Raises ImportError where it cannot be loaded."""
    return _loaded.get('resolver') or _loaded.setdefault(
        'resolver', _load('libxsocket-resolver.so.1', _RESOLVER))


def path_of(server: str) -> str:
    """Where the broker's control socket is."""
    return server if '/' in server or server[:1] == '@' else f'{RUN}/{server}'


def failure(number: int, server: str, why: Optional[str] = None) -> OSError:
    """The exception for an errno of a broker: of the subclass of OSError that it belongs to.

    What to do about it is in the words of libxsocket, where `why` does not say it already.
    """
    if not why:
        text: bytes = client().xsocket_why(os.fsencode(server), number,
                                           ctypes.create_string_buffer(WHY), WHY)
        what = f'{os.strerror(number)} (no socket from the broker)'
        why = f'{what}: {text.decode(errors="replace")}' if text else what
    return OSError(number, why, path_of(server))
