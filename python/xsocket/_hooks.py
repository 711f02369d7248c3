# SPDX-License-Identifier: MIT
"""Installs what redirects: once, by the first use of this package that needs it, and for good.

Nothing is changed by importing it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import threading
from typing import Any

from . import _carry, _library, _loops, _names, _redirect

_ELSEWHERE = (
    ('threading', 'Thread', 'start', _carry.hooked_start_thread),
    ('multiprocessing.process', 'BaseProcess', 'start', _carry.hooked_start_process),
    ('concurrent.futures._base', 'Future', 'add_done_callback', _carry.hooked_submit),
    ('concurrent.futures.thread', 'ThreadPoolExecutor', 'submit', _carry.hooked_submit),
    ('concurrent.futures.process', 'ProcessPoolExecutor', 'submit', _carry.hooked_submit),
    *(('multiprocessing.pool', 'Pool', name, _carry.hooked_pool) for name in
      ('apply_async', 'map', 'map_async', 'starmap', 'starmap_async', 'imap', 'imap_unordered')),
)

_lock = threading.RLock()
_busy = False  # only the thread that holds the lock looks at it
_installed: Any = None  # the __init__ of socket.socket


def _renew_lock() -> None:
    global _lock, _busy
    _lock, _busy = threading.RLock(), False


os.register_at_fork(after_in_child=_renew_lock)


def install() -> None:
    """Raises ImportError without libxsocket, RuntimeError where another package makes the sockets.

    A signal handler may interrupt this and come here itself. It does all of it again but for what may
    just be being imported.
    """
    global _busy, _installed
    if socket.socket.__init__ is _installed:
        return
    with _lock:
        interrupted, _busy = _busy, True
        try:
            _library.client()
            sockets = _redirect.the_class()
            _names.install()
            _carry.install()
            _redirect.install(sockets)
            if not interrupted:
                _install_elsewhere()
                _installed = sockets.__init__
        finally:
            _busy = interrupted


def _install_elsewhere() -> None:
    for module, owner, name, hook in _ELSEWHERE:
        # not a part of this installation; or the program ends, and nobody can import it any more
        with contextlib.suppress(ImportError, RuntimeError):
            _redirect.replace(getattr(importlib.import_module(module), owner), name, hook)
    with contextlib.suppress(ImportError):
        _loops.install()
