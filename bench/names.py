# SPDX-License-Identifier: MIT
"""What a look-up costs under libxredirect, against libc's inside the namespace, in the same round.

`names.py PROGRAM [ROUNDS [MILLISECONDS]]`: names.c, against one dnsmasq, by turns.
"""

import os
import subprocess
import sys

from measure import BUILD, Others, broker, find, namespace, spread, table
from support.names import Dns, Etc

NAME = 'name.example'


def main():
    find('dnsmasq')
    program, rounds, milliseconds = [*sys.argv[1:], *['', 9, 300][len(sys.argv) - 1:]]
    inside, there, ratios, others = [], [], [], Others()
    with Etc() as etc, namespace() as bench, broker(bench) as served:
        etc.write('resolv.conf', 'nameserver 127.0.0.1\n')
        etc.write('nsswitch.conf', 'hosts: files dns\n')
        names = Dns(bench, {NAME: ['10.0.0.1', 'fd00::1']})
        command = [program, NAME, str(milliseconds)]
        env = os.environ | {'LD_PRELOAD': str(BUILD / 'xredirect/libxredirect.so'),
                            'XREDIRECT': served.server}

        def turn():
            native = bench.run(command, stdout=subprocess.PIPE).stdout
            redirected = subprocess.run(command, env=env, check=True, text=True,
                                        stdout=subprocess.PIPE).stdout
            return float(native), float(redirected)

        try:
            for _ in range(int(rounds)):
                native, redirected = others.measure(turn)
                inside.append(native)
                there.append(redirected)
                ratios.append(redirected / native)
        finally:
            names.stop()
    table('getaddrinfo(), median of a round; median [least, most] over the rounds', [
        ('inside the namespace, us', spread(inside, '{:.0f}')),
        ('under libxredirect, us', spread(there, '{:.0f}')),
        ('under libxredirect, against inside', spread(ratios)),
    ])
    print(others)


if __name__ == '__main__':
    main()
