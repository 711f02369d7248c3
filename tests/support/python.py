# SPDX-License-Identifier: MIT
"""Interpreters for what tests run, which need not be the one that the tests run in."""

import shutil
import subprocess

from support.wait import skip


def python_with(*modules):
    """One that has these modules, the distribution's own before any other; or else a skip."""
    for python in ('/usr/bin/python3', shutil.which('python3')):
        if python and subprocess.run([python, '-c', f'import {", ".join(modules)}'], check=False,
                                     capture_output=True).returncode == 0:
            return python
    return skip(f'needs {" and ".join(modules)} for python3')
