# SPDX-License-Identifier: MIT
"""The files of the project, as opposed to what was built or is somebody's own."""

import os
import pathlib
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


def files():
    """Every file that git knows, or would: relative paths. Without git, all but builds."""
    listed = subprocess.run(['git', '-c', f'safe.directory={SOURCE}', '-C', str(SOURCE), 'ls-files',
                             '-z', '--cached', '--others', '--exclude-standard'],
                            capture_output=True, check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split('\0') if name]
    else:
        names = []
        for directory, children, leaves in os.walk(SOURCE):
            children[:] = [child for child in children if child not in ('.git', '__pycache__')
                           and not (pathlib.Path(directory) / child / 'build.ninja').exists()]
            names += [os.path.relpath(f'{directory}/{leaf}', SOURCE) for leaf in leaves]
    return sorted(pathlib.Path(name) for name in names if (SOURCE / name).is_file())


def copy(target, uid=-1, gid=-1):
    """All of them, in a directory of somebody else."""
    for path in files():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(SOURCE / path, target / path)
    for directory, _, names in os.walk(target):
        for name in ['', *names]:
            os.chown(os.path.join(directory, name), uid, gid)
    return target


def text(path):
    return (SOURCE / path).read_text(encoding='utf-8')


def interpreter(path):
    """What a script's first line names: sh, bash, python3; or ''."""
    with open(SOURCE / path, 'rb') as file:
        first = file.readline()
    return first.split()[-1].decode().rpartition('/')[2] if first.startswith(b'#!') else ''
