# SPDX-License-Identifier: MIT
"""Streams of all kinds through one bridge for as long as one likes, each byte of which is checked.

    XSOCKET_BUILD=build PYTHONPATH=tests tests/tools/sandbox python3 tests/bridge/soak.py 600

prints what went through in so many seconds, and exits with 1 where anything was different. While it
runs, the bridge is asked for its counters and told to reload, over and over.
"""

import collections
import hashlib
import multiprocessing
import os
import pathlib
import random
import signal
import socket
import struct
import sys
import threading
import time

from support import streams
from support.bridge import Bridge
from support.netns import Namespace
from support.procfs import resident
from support.wait import wait_until

HEADER = struct.Struct('!BIIII')  # MODES index, seeds and sizes of what goes there and back
POOL = 16 << 20
CLIENTS, THREADS = 2, 6
REPORT = 28  # sha256 of what came there, cut to this, is what a server's answer begins with

# Where RST is known: between TCP and TCP
TCP = [('tcp:127.0.0.1:4000', 'tcp:127.0.0.1:5000'), ('tcp:[::1]:4001', 'tcp:127.0.0.1:5000'),
       ('tcp:127.0.0.1:4002', 'tcp:[::1]:5000')]
OTHER = [('unix:@4003', 'tcp:127.0.0.1:5000'), ('tcp:127.0.0.1:4004', 'unix:@5000'),
         ('unix:@4005', 'unix:@5000')]
TARGETS = ['tcp:127.0.0.1:5000', 'tcp:[::1]:5000', 'unix:@5000']


def content(seed, size):
    """Any part of much that is like no other part."""
    start = seed % (POOL - size + 1)
    return memoryview(streams.data(POOL))[start:start + size]


def digest(data):
    return hashlib.sha256(data).digest()[:REPORT]


def read(sock, slow):
    """To the end: (bytes, how it ended)."""
    if not slow:
        return streams.ending(sock)
    received = bytearray()
    while piece := sock.recv(slow):
        received += piece
    return bytes(received), 'EOF'


def sending(sock, seed, size):
    """Sends, and ends, beside what else is done."""
    def send():
        sock.sendall(content(seed, size))
        sock.shutdown(socket.SHUT_WR)

    return streams.Task(send)


class Different(Exception):
    """Something did not come as it was sent."""


def expect(what, got, expected):
    if got != expected:
        raise Different(f'{what}: {got!r} instead of {expected!r}')


# ---- what a connection does: the client's part, and the server's ----


class Ask:
    """The client sends and ends; the answer begins with what came."""

    def client(self, sock, up, down):
        sending(sock, *up).result(120)
        expect('there', streams.read_exactly(sock, REPORT), digest(content(*up)))
        expect('back', read(sock, 0), (bytes(content(*down)), 'EOF'))

    def server(self, sock, up, down):
        sock.sendall(digest(streams.read_all(sock)))
        sending(sock, *down).result(120)


class Both(Ask):
    """Both at once."""

    def client(self, sock, up, down):
        task = sending(sock, *up)
        expect('back', streams.read_exactly(sock, down[1]), bytes(content(*down)))
        task.result(120)
        expect('there', read(sock, 0), (digest(content(*up)), 'EOF'))

    def server(self, sock, up, down):
        task = streams.Task(sock.sendall, content(*down))
        came = digest(streams.read_all(sock))
        task.result(120)
        sock.sendall(came)


class ServerFirst(Ask):
    """The server ends first; how it liked the rest it says to nobody but the counters."""

    def client(self, sock, up, down):
        expect('back', read(sock, 4096 if down[1] < 300_000 else 0), (bytes(content(*down)), 'EOF'))
        sending(sock, *up).result(120)

    def server(self, sock, up, down):
        sending(sock, *down).result(120)
        expect('there', digest(read(sock, 0)[0]), digest(content(*up)))


class Turns(Ask):
    """A question, an answer, and so on; pieces of all sizes."""

    def client(self, sock, up, down):
        for size in self.sizes(up):
            sock.sendall(content(up[0], size))
            expect('back', digest(streams.read_exactly(sock, size)), digest(content(down[0], size)))

    def server(self, sock, up, down):
        for size in self.sizes(up):
            expect('there', digest(streams.read_exactly(sock, size)), digest(content(up[0], size)))
            sock.sendall(content(down[0], size))
        expect('there', read(sock, 0), (b'', 'EOF'))

    @staticmethod
    def sizes(up):
        chance = random.Random(up[0])
        return [1 << chance.randrange(0, 17) for _ in range(50)]


class Urgent(Ask):
    """One urgent byte, with its place."""

    def client(self, sock, up, down):
        sock.sendall(content(*up))
        sock.send(b'!', socket.MSG_OOB)
        sending(sock, *down).result(120)
        expect('judgement', read(sock, 0), (b'good', 'EOF'))

    def server(self, sock, up, down):
        received, urgent = streams.read_marked(sock)
        expect('urgent', urgent, [(up[1], b'!')])
        expect('there', digest(received), digest(bytes(content(*up)) + bytes(content(*down))))
        sock.sendall(b'good')


class ClientResets(Ask):
    """All that came is what was sent, and there is no clean end."""

    def client(self, sock, up, down):
        sock.sendall(content(*up)[:100_000])
        streams.reset(sock)

    def server(self, sock, up, down):
        self.judge(*streams.ending(sock), up)

    @staticmethod
    def judge(received, how, sent):
        expect('end', how, 'ECONNRESET')
        expect('start', digest(received), digest(content(*sent)[:len(received)]))


class ServerResets(ClientResets):
    def client(self, sock, up, down):
        self.judge(*streams.ending(sock), down)

    def server(self, sock, up, down):
        sock.sendall(content(*down)[:100_000])
        streams.reset(sock)


MODES = [Ask, Both, ServerFirst, Turns, Urgent, ClientResets, ServerResets]
EVERYWHERE = 4  # so many of them also with Unix sockets


class Results:
    """Of all processes."""

    def __init__(self):
        self.queue = multiprocessing.SimpleQueue()

    def tell(self, counts, different):
        self.queue.put((counts, different))


def told(mode):
    return 'before its header' if mode is None else MODES[mode].__name__


class Server:
    """Answers at all targets, a thread for each connection, until it is told to end."""

    def __init__(self, namespace, results):
        self.listeners = [streams.listen(namespace, text, backlog=1000) for text in TARGETS]
        self.results, self.threads, self.different = results, [], []
        self.stop = threading.Event()

    def serve(self, sock):
        with sock:
            sock.settimeout(120)
            mode = None
            try:
                mode, *numbers = HEADER.unpack(streams.read_exactly(sock, HEADER.size))
                MODES[mode]().server(sock, tuple(numbers[:2]), tuple(numbers[2:]))
            except ConnectionResetError as error:
                if mode is None or MODES[mode] is not ServerResets:
                    self.different.append(f'server, {told(mode)}: {error!r}')
            except Exception as error:
                self.different.append(f'server, {told(mode)}: {error!r}')

    def accept(self, listener):
        listener.settimeout(0.2)
        while not self.stop.is_set():
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self.serve, args=(sock,), daemon=True)
            thread.start()
            self.threads.append(thread)
            self.threads = [each for each in self.threads if each.is_alive()]

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())
        accepting = [threading.Thread(target=self.accept, args=(each,)) for each in self.listeners]
        for thread in accepting:
            thread.start()
        while not self.stop.wait(0.1):
            pass
        for thread in [*accepting, *self.threads]:
            thread.join(120)
        self.results.tell({}, self.different)


class Client:
    """Some threads, each with one connection after the other."""

    def __init__(self, namespace, results, number, end):
        self.namespace, self.results, self.end = namespace, results, end
        self.chance = random.Random(number)
        self.counts, self.different = collections.Counter(), []

    def one(self, chance):
        mode = chance.randrange(len(MODES))
        forwards = TCP + OTHER if mode < EVERYWHERE else TCP
        where = chance.choice(forwards)[0]
        small = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)] if chance.random() < 0.2 else []
        limit = 17 if small else 23
        up, down = ((chance.randrange(POOL), chance.randrange(1 << chance.randrange(0, limit)))
                    for _ in range(2))
        with streams.connect(self.namespace, where, options=small) as sock:
            sock.settimeout(120)
            sock.sendall(HEADER.pack(mode, *up, *down))
            MODES[mode]().client(sock, up, down)
        self.counts['connections'] += 1
        self.counts[MODES[mode].__name__] += 1
        self.counts['bytes'] += up[1] + down[1]

    def loop(self, seed):
        chance = random.Random(seed)
        while time.monotonic() < self.end:
            try:
                self.one(chance)
            except Exception as error:
                self.different.append(f'client: {error!r}')

    def run(self):
        seeds = [self.chance.random() for _ in range(THREADS)]
        threads = [threading.Thread(target=self.loop, args=(seed,)) for seed in seeds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.results.tell(dict(self.counts), self.different)


def command_line(near, far):
    return [word for listen, connect in TCP + OTHER
            for word in ('--listen', f'{listen},netns={near.name}',
                         '--connect', f'{connect},netns={far.name}')]


def soak(bridge, near, far, seconds):
    """(counters, what was different)."""
    results = Results()
    streams.data(POOL)  # once, before there are children
    fork = multiprocessing.get_context('fork').Process
    server = fork(target=lambda: Server(far, results).run())
    server.start()
    wait_until(lambda: far.listening(5000))
    end = time.monotonic() + seconds
    clients = [fork(target=lambda n=number: Client(near, results, n, end).run())
               for number in range(CLIENTS)]
    for client in clients:
        client.start()
    while time.monotonic() < end:
        time.sleep(min(1, seconds / 4))
        bridge.counters()
        bridge.reload()
    told = [results.queue.get() for _ in clients]
    for client in clients:
        client.join()
    server.terminate()
    told.append(results.queue.get())
    server.join()
    total = collections.Counter()
    for counts, _ in told:
        total.update(counts)
    return total, [text for _, different in told for text in different]


def main(seconds):
    near, far = Namespace('near'), Namespace('far')
    bridge = Bridge(pathlib.Path(os.environ['XSOCKET_BUILD']), *command_line(near, far))
    fds, memory = len(bridge.fds()), resident(bridge.pid)
    total, different = soak(bridge, near, far, seconds)
    print(f'{seconds} s:', ', '.join(f'{name} {number}' for name, number in sorted(total.items())))
    print(f'descriptors {fds} before, {len(bridge.fds())} after;',
          f'memory {memory >> 10} KiB before, {resident(bridge.pid) >> 10} KiB after')
    print(f'{len(different)} differences')
    for text in different[:20]:
        print(text[:500])
    bridge.stop()
    near.delete()
    far.delete()
    return 1 if different or not total['connections'] else 0


if __name__ == '__main__':
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600))
