# SPDX-License-Identifier: MIT
"""Directories of this machine as a test wants them."""

import os
import pathlib
import subprocess
import tempfile


class Layer:
    """A directory that can be written to as long as this lasts, in this mount namespace only."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        layer = tempfile.mkdtemp(prefix='layer.')
        os.mkdir(f'{layer}/upper')
        os.mkdir(f'{layer}/work')
        subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o',
                        f'userxattr,lowerdir={self.path},upperdir={layer}/upper,workdir={layer}/work',
                        self.path], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(['umount', '--lazy', self.path], check=True)

    def write(self, name, text):
        """Replaces a file, as its name is: what is there may belong to somebody else."""
        path = pathlib.Path(self.path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + '.new')
        fresh.write_text(text)
        os.replace(fresh, path)
