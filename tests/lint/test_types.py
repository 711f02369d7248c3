# SPDX-License-Identifier: MIT
"""The types that the Python package declares."""

import subprocess

from support.wait import require, skip


def test_types(build):
    """As mypy(1) sees them when it is strict."""
    mypy, package = require('mypy'), build / 'python/xsocket'
    if not package.exists():
        skip('needs a build with the Python package')
    result = subprocess.run([mypy, '--strict', '--cache-dir=/dev/null', str(package)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert result.returncode == 0, result.stdout
