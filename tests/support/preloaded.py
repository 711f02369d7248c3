# SPDX-License-Identifier: MIT
"""Programs under a preload library of this build."""

import inspect
import os
import pathlib
import re

from support.wait import skip

_SUPPRESSIONS = pathlib.Path(__file__).resolve().parent.parent / 'preload/tsan.suppressions'
# For builds with a sanitizer: AddressSanitizer is not the first library, and is confused by the
# stack of a cancelled thread; ThreadSanitizer does not expect descriptors that are looked at while
# another thread closes them.
SANITIZER = {
    'ASAN_OPTIONS': 'verify_asan_link_order=0:use_sigaltstack=0:detect_leaks=0',
    'TSAN_OPTIONS': f'suppressions={_SUPPRESSIONS}',
}
# What tests use that cannot be under, or beside, a library for musl, and why.
FOREIGN = {
    re.compile(r'\bPYTHON\b'): 'runs Python, which is for glibc here',
    re.compile(r'\blibrary\('): 'the other library is for glibc',
}


def is_musl():
    """Whether the libraries under test are for musl, and the programs here with them."""
    library = pathlib.Path(os.environ['XSOCKET_BUILD']) / 'xbind' / 'libxbind.so'
    return library.exists() and b'libc.so.6\0' not in library.read_bytes()


def skip_foreign(item):
    """A build for musl runs what is for musl. The others have been run by the build for glibc."""
    if not is_musl():
        return
    source = inspect.getsource(item.function)
    for pattern, reason in FOREIGN.items():
        if pattern.search(source):
            skip(reason)


# Functions that instrumented code calls. __asan_init is not one: a library may look for it.
INSTRUMENTED = {'asan': b'__asan_version_mismatch_check', 'tsan': b'__tsan_func_entry'}


def sanitizer_of(library):
    """Which one a library was built with: 'asan', 'tsan', or ''."""
    symbols = pathlib.Path(library).read_bytes()
    return next((name for name, symbol in INSTRUMENTED.items() if symbol in symbols), '')
