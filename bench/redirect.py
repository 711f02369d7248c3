# SPDX-License-Identifier: MIT
"""What socket(2) costs under libxredirect: redirect.c, without a pool and with two of them.

`redirect.py PROGRAM [ROUNDS [MILLISECONDS]]`
"""

import os
import subprocess
import sys

from measure import BUILD, broker, namespace


def main():
    with namespace() as inside, broker(inside) as served:
        for pool in 0, 32, 128:
            print(f'XREDIRECT_POOL={pool}, against the native call in the same round', flush=True)
            subprocess.run(sys.argv[1:], check=True, env=os.environ | {
                'LD_PRELOAD': str(BUILD / 'xredirect/libxredirect.so'),
                'XREDIRECT': served.server,
                'XREDIRECT_POOL': str(pool),
            })


if __name__ == '__main__':
    main()
