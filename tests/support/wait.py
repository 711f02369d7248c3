# SPDX-License-Identifier: MIT
"""Waiting for something to become true, and giving up on something that cannot be here."""

import importlib
import os
import shutil
import time

import pytest


def wait_until(condition, timeout=10, what=None):
    """Calls condition until it returns something true, which is returned. Fails after timeout.

    The longer that takes, the less often, to leave the CPU to what is waited for.
    """
    begin = time.monotonic()
    end = begin + timeout
    while True:
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now > end:
            text = what() if callable(what) else what
            pytest.fail(f'not within {timeout} s: {text or condition}')
        time.sleep(min(max(0.005, (now - begin) / 20), 0.05))


def skip(reason):
    """Skips the test, or fails it where everything must work (XSOCKET_MUST_WORK=1)."""
    if os.environ.get('XSOCKET_MUST_WORK') == '1':
        pytest.fail(f'skipped, but XSOCKET_MUST_WORK=1: {reason}', pytrace=False)
    pytest.skip(reason)


def require_module(name):
    """A module of Python's, or else a skip. Its row in tools/install-deps begins with "py:"."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return skip(f'needs {name} for this Python')


def require(*names):
    """The path of the first of these programs that is installed, or else a skip.

    Each first name has a row in tools/install-deps: tests/lint/test_tools.py.
    """
    found = next(filter(None, map(shutil.which, names)), None)
    return found or skip(f'needs {" or ".join(names)}')
