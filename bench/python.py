# SPDX-License-Identifier: MIT
"""What a socket costs in Python: redirected, asked for, and where nothing is redirected; and what it
costs to enter and leave a namespace.

`python.py [ROUNDS]`. Two processes measure by turns: one that never used the package, and one in which
its hooks are installed.
"""

import socket
import subprocess
import sys
import threading
import time

from measure import broker, namespace, spread, table

COUNT = 1000


def open_close(count=COUNT):
    for _ in range(count):
        socket.socket().close()


def call(name):
    """What the loop calls over and over, by its name in the table."""
    if name == 'sendto':
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(('127.0.0.1', 0))
        address = sock.getsockname()

        def send():
            for _ in range(COUNT):
                sock.sendto(b'', socket.MSG_DONTWAIT, address)
                sock.recv(1)

        return send
    if name == 'threads':
        def threads():
            made = [threading.Thread(target=open_close, args=(COUNT // 4,)) for _ in range(4)]
            for each in made:
                each.start()
            for each in made:
                each.join()

        return threads
    return open_close


def asked(server, name):
    """The same by functions of the package."""
    import xsocket
    if name == 'socket':
        def one_by_one():
            for _ in range(COUNT):
                xsocket.socket(server).close()

        return one_by_one
    if name == 'block':
        def blocks():
            for _ in range(COUNT):
                with xsocket.namespace(server):
                    pass

        return blocks
    if name == 'decorated':
        @xsocket.namespace(server)
        def nothing():
            pass

        def calls():
            for _ in range(COUNT):
                nothing()

        return calls
    client = xsocket.Client(server)

    def batches():
        for _ in range(COUNT // 64):
            for sock in client.sockets(64):
                sock.close()

    return batches


def work(server):
    """A process that measures what it is told to, one line after another: nanoseconds for each."""
    if server:
        import xsocket
        with xsocket.namespace(server):
            pass
    for line in sys.stdin:
        where, name = line.split()
        if where == 'asked':
            function = asked(server, name)
        else:
            function = call(name)
        if where == 'inside':
            function = xsocket.namespace(server)(function)
        start = time.perf_counter_ns()
        function()
        print((time.perf_counter_ns() - start) / COUNT, flush=True)


class Worker:
    def __init__(self, server=''):
        self.process = subprocess.Popen([sys.executable, __file__, '--work', server], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ns(self, what):
        self.process.stdin.write(what + '\n')
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


ROWS = [  # what is measured, its reference, how it is called in the table
    ('outside open', 'socket() outside of any namespace'),
    ('outside sendto', 'sendto() and recv(), numeric, outside'),
    ('inside open', 'socket() in a namespace'),
    ('inside threads', 'the same by 4 threads'),
    ('asked socket', 'xsocket.socket()'),
    ('asked batches', 'Client.sockets(64)'),
    ('asked block', '"with xsocket.namespace(): pass"'),
    ('asked decorated', 'a call of a decorated function'),
]


def main(rounds=25):
    found = {what: [] for what, _ in ROWS}
    plain_ns = []
    with namespace() as inside, broker(inside) as served:
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        plain, hooked = Worker(), Worker(served.server)
        for _ in range(rounds):
            for what in found:
                name = what.split()[1]
                reference = plain.ns('outside ' + (name if name in ('sendto', 'threads') else 'open'))
                found[what].append((hooked.ns(what), reference))
                if name == 'open':
                    plain_ns.append(reference)
        plain.close()
        hooked.close()
    table(f'socket.socket() and close(): {spread(plain_ns, "{:.0f}")} ns without the package; time '
          'against the same without it', [
              (text, f'{spread([ns / reference for ns, reference in found[what]], "{:.2f}")}, '
                     f'{spread([ns - reference for ns, reference in found[what]], "{:.0f}")} ns more')
              for what, text in ROWS])


if __name__ == '__main__':
    if sys.argv[1:2] == ['--work']:
        work(sys.argv[2])
    else:
        main(*map(int, sys.argv[1:]))
