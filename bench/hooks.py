# SPDX-License-Identifier: MIT
"""What libxbind adds to the calls of a program: hooks.c, outside a namespace that has a broker.

`hooks.py PROGRAM [ROUNDS]`
"""

import os
import subprocess
import sys

from measure import BUILD, broker, namespace


def main():
    with namespace() as inside, broker(inside) as served:
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        subprocess.run(sys.argv[1:], check=True, env=os.environ | {
            'LD_PRELOAD': str(BUILD / 'xbind/libxbind.so'),
            'XBIND': '3000',
            'XSOCKET': served.server,
        })


if __name__ == '__main__':
    main()
