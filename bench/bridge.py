# SPDX-License-Identifier: MIT
"""Ways for a client in one namespace to reach a server in another, side by side.

Each round measures each way once, and another one is first in the next round; ratios are within a
round. Where other processes disturb, it is measured again.

`bridge.py BRIDGE-UDP [ROUNDS] [--svg DIR]`: more rounds than the default, and the plots of docs/.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import plot
from measure import BUILD, Others, broker, find, namespace, spread, table
from support.wait import wait_until
from traffic import iperf, nginx_argv, wrk

ROUNDS = 3
BODY = 'x' * 64
PROXYD = '/lib/systemd/systemd-socket-proxyd'
IPERF, HTTP, GSO = 5201, 8081, 5300  # where the servers listen, in the far namespace
VETH = ('10.203.0.1', '10.203.0.2')
LOCAL = '127.0.0.1'
DATAGRAM_BYTES, DATAGRAMS = 1400, 45  # of one send by GSO

BULK, BULK16 = 'throughput, 1 stream', 'throughput, 16 streams'
SHORT = 'connections with one request each'
RR = '64-byte request and response, 1 connection'
RR16 = '64-byte requests and responses, 16 connections'
UDP64, UDP1400, UDPGSO = 'UDP, 64 bytes', 'UDP, 1400 bytes', 'UDP, 1400 bytes, GSO'
CPU, CPU16 = 'CPU of the relay, 1 stream', 'CPU of the relay, 16 streams'

DIRECT, BRIDGE = 'direct, inside one namespace', 'xsocket-bridge'
SOCAT, PROXYDS = 'socat pair', 'systemd-socket-proxyd pair'

# rows: unit, and whether more is better
ROWS = {
    BULK: ('Gbit/s', True),
    BULK16: ('Gbit/s', True),
    SHORT: ('1000/s', True),
    f'{RR}, p50': ('us', False),
    f'{RR}, p99': ('us', False),
    f'{RR16}, p50': ('us', False),
    f'{RR16}, p99': ('us', False),
    UDP64: ('1000/s', True),
    UDP1400: ('1000/s', True),
    UDPGSO: ('Gbit/s', True),
    CPU: ('ns/byte', False),
    CPU16: ('ns/byte', False),
}


# What is to be reached, of the bridge against another way in the same round: at least, or where
# less is better at most, so many times its figure. 1 against the peers in all other rows.
TARGETS = {
    (BULK, SOCAT): 2.5, (BULK, PROXYDS): 1.2,
    (BULK16, SOCAT): 2.5, (BULK16, PROXYDS): 1.2, (BULK16, DIRECT): 0.6,
    (SHORT, SOCAT): 10, (SHORT, PROXYDS): 2, (SHORT, DIRECT): 0.4,
    (UDP64, DIRECT): 0.6,
    (UDPGSO, DIRECT): 0.3,
    (CPU, SOCAT): 0.12, (CPU16, SOCAT): 0.12,
}

# what is drawn together
PLOTS = {
    'throughput': (BULK, BULK16, CPU, CPU16),
    'requests': (SHORT, f'{RR}, p50', f'{RR}, p99', f'{RR16}, p50', f'{RR16}, p99'),
    'udp': (UDP64, UDP1400, UDPGSO),
}


class Way:
    """A way to the server: where its client is, and what that connects to."""

    def __init__(self, name, client, host=LOCAL, shift=0, datagrams=True):
        self.name, self.client, self.host, self.datagrams = name, client, host, datagrams
        self.shift = shift  # of its ports, where they are not those of the servers
        self.relays = []  # processes in between

    def cpu(self):
        """What its relays have used so far, in ns. What they started counts once it is gone."""
        ticks = os.sysconf('SC_CLK_TCK')
        total = 0
        for process in self.relays:
            base = pathlib.Path(f'/proc/{process.pid}')
            wait_until(lambda: not children(process.pid), what='the children of a relay to be gone')
            for task in (base / 'task').iterdir():
                total += int((task / 'schedstat').read_text().split()[0])
            ended = (base / 'stat').read_text().rpartition(')')[2].split()[13:15]
            total += sum(map(int, ended)) * 10**9 // ticks
        return total


def children(pid):
    tasks = pathlib.Path(f'/proc/{pid}/task').iterdir()
    return any((task / 'children').read_text() for task in tasks)


class Bench:
    def __init__(self, stack, directory, bridge_udp):
        self.stack, self.directory, self.bridge_udp = stack, directory, bridge_udp
        self.nginx, self.socat, self.activate, *_ = find(
            'nginx', 'socat', 'systemd-socket-activate', 'iperf3', 'wrk', PROXYD)
        self.errors = stack.enter_context(open(f'{directory}/errors', 'w+', encoding='utf-8'))
        self.near, self.far = (stack.enter_context(namespace(name)) for name in ('near', 'far'))
        self.brokers = [stack.enter_context(broker(where)).server
                        for where in (self.near, self.far)]
        self.ways = []

    def failure(self):
        self.errors.seek(0)
        return f'what was started, which said: {self.errors.read()}'

    def start(self, where, argv, ready, env=None):
        """A process that ends with the benchmark. where: a namespace, or None."""
        argv = where.enter(argv) if where else argv
        process = self.stack.enter_context(subprocess.Popen(
            argv, env=os.environ | (env or {}), stdin=subprocess.DEVNULL,
            stdout=self.errors, stderr=self.errors,
            restore_signals=False))  # SIGPIPE stays ignored, as it is in a service
        self.stack.callback(process.terminate)
        wait_until(ready, what=self.failure)
        return process

    def serve(self, where, shift=0, enter=True, env=None, http_host='*'):
        """The servers; `enter`: started there, or moved there by the environment they are given."""
        inside = where if enter else None
        self.start(inside, ['iperf3', '--server', '--port', str(IPERF + shift)],
                   lambda: where.listening(IPERF + shift), env)
        self.start(inside, nginx_argv(self.nginx, f'{self.directory}/nginx{shift}', HTTP + shift,
                                      http_host, BODY),
                   lambda: where.listening(HTTP + shift), env)
        self.start(inside, [self.bridge_udp, 'receive', str(GSO + shift)],
                   lambda: where.listening(GSO + shift, 'udp'), env)

    def way(self, *args, **kwargs):
        made = Way(*args, **kwargs)
        self.ways.append(made)
        return made

    def direct(self):
        self.way(DIRECT, self.far)

    def veth(self):
        for which, (here, address) in enumerate(zip((self.near, self.far), VETH)):
            if which == 0:
                here.run(['ip', 'link', 'add', 'veth', 'type', 'veth', 'peer', 'name', 'veth',
                          'netns', self.far.name])
            here.run(['ip', 'address', 'add', f'{address}/24', 'dev', 'veth'])
            here.run(['ip', 'link', 'set', 'veth', 'up'])
        self.way('routed, by veth', self.near, VETH[1])

    def libxbind(self):
        way = self.way('server under libxbind', self.near, shift=1)
        self.serve(self.near, way.shift, enter=False, env={
            'LD_PRELOAD': str(BUILD / 'xbind/libxbind.so'),
            'XSOCKET': self.brokers[0],
            'XBIND': ' '.join(str(port + way.shift) for port in (IPERF, HTTP, GSO)),
        })

    def ports(self, way):
        """(protocol, near port, far port) of what a relay has to carry."""
        found = [('tcp', IPERF), ('tcp', HTTP)] + [('udp', IPERF), ('udp', GSO)] * way.datagrams
        return [(protocol, port + way.shift, port) for protocol, port in found]

    def bridge(self, name, shift, near, far):
        way = self.way(name, self.near, shift=shift)
        argv = [str(BUILD / 'bridge/xsocket-bridge')]
        for protocol, here, there in self.ports(way):
            argv += ['--listen', f'{protocol}:{LOCAL}:{here},{near}',
                     '--connect', f'{protocol}:{LOCAL}:{there},{far}']
        way.relays.append(self.start(None, argv, lambda: all(
            self.near.listening(here, protocol) for protocol, here, _ in self.ports(way))))

    def bridges(self):
        self.bridge(BRIDGE, 2, f'netns={self.near.name}', f'netns={self.far.name}')
        self.bridge(f'{BRIDGE}, by brokers', 3, *(f'broker={server}' for server in self.brokers))

    def socats(self):
        way = self.way(SOCAT, self.near, shift=4)
        for protocol, here, there in self.ports(way):
            path = f'{self.directory}/socat-{protocol}-{there}'
            # SOCK_SEQPACKET keeps datagrams apart; a child for datagrams would never end
            options, kind, queue = {'tcp': ([], '', ',backlog=4096'),
                                    'udp': (['-T1'], ',type=5', '')}[protocol]
            way.relays.append(self.start(
                self.far, [self.socat, *options, f'UNIX-LISTEN:{path},fork,backlog=4096{kind}',
                           f'{protocol.upper()}4:{LOCAL}:{there}'], lambda: os.path.exists(path)))
            way.relays.append(self.start(
                self.near, [self.socat, *options,
                            f'{protocol.upper()}4-LISTEN:{here},bind={LOCAL},reuseaddr,fork{queue}',
                            f'UNIX-CONNECT:{path}{kind}'],
                lambda: self.near.listening(here, protocol)))

    def proxyds(self):
        way = self.way(PROXYDS, self.near, shift=5, datagrams=False)
        for _, here, there in self.ports(way):
            path = f'{self.directory}/proxyd-{there}'
            for where, listen, connect, ready in (
                    (self.far, path, f'{LOCAL}:{there}', lambda: os.path.exists(path)),
                    (self.near, f'{LOCAL}:{here}', path, lambda: self.near.listening(here))):
                way.relays.append(self.start(where, [
                    self.activate, '--listen', listen, PROXYD, '--connections-max=4096', connect],
                    ready))

    def gso(self, way):
        """Bits per second that arrive."""
        return 8 * float(way.client.run(
            [self.bridge_udp, 'send', way.host, GSO + way.shift, DATAGRAM_BYTES, DATAGRAMS, 1],
            stdout=subprocess.PIPE).stdout)


def bulk(bench, way, streams, row, cpu_row):
    before = way.cpu()
    end = iperf(way.client, IPERF + way.shift, '--parallel', streams, host=way.host)['sum_received']
    yield row, end['bits_per_second'] / 1e9
    if way.relays:
        yield cpu_row, (way.cpu() - before) / end['bytes']


def short(bench, way):
    rate, *_ = wrk(way.client, HTTP + way.shift, '--header', 'Connection: close', host=way.host)
    yield SHORT, rate / 1e3


def exchanges(bench, way, connections, row):
    _, half, most = wrk(way.client, HTTP + way.shift, host=way.host, connections=connections)
    yield f'{row}, p50', half
    yield f'{row}, p99', most


def waiting(where):
    """Whether a UDP socket there has something to be read."""
    with where.entered(), open('/proc/thread-self/net/udp', encoding='ascii') as sockets:
        return any(int(line.split()[4].partition(':')[2], 16) for line in list(sockets)[1:])


def datagrams(bench, way, size, row):
    if way.datagrams:
        # what is left of the measurement before would be taken for the client of this one
        wait_until(lambda: not waiting(bench.near) and not waiting(bench.far), what='empty sockets')
        end = iperf(way.client, IPERF + way.shift, '--udp', '--bitrate', '0', '--length', size,
                    host=way.host)['sum']
        yield row, (end['packets'] - end['lost_packets']) / end['seconds'] / 1e3


def segments(bench, way):
    if way.datagrams:
        yield UDPGSO, bench.gso(way) / 1e9


MEASUREMENTS = [
    lambda bench, way: bulk(bench, way, 1, BULK, CPU),
    lambda bench, way: bulk(bench, way, 16, BULK16, CPU16),
    short,
    lambda bench, way: exchanges(bench, way, 1, RR),
    lambda bench, way: exchanges(bench, way, 16, RR16),
    lambda bench, way: datagrams(bench, way, 64, UDP64),
    lambda bench, way: datagrams(bench, way, 1400, UDP1400),
    segments,
]


def measure(bench, rounds, others):
    """({row: {name of the way: [figure of each round]}}, whether all went well)"""
    figures, well = {row: {} for row in ROWS}, True
    for number in range(rounds):
        turn = number % len(bench.ways)
        for measurement in MEASUREMENTS:
            for way in bench.ways[turn:] + bench.ways[:turn]:
                try:
                    for row, value in others.measure(lambda: list(measurement(bench, way))):
                        figures[row].setdefault(way.name, []).append(value)
                except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
                    print(f'{way.name}: {error}\n{bench.failure()}', file=sys.stderr)
                    well = False
    return figures, well


def ratios(figures, row, of, to):
    """Within each round. Empty where there is nothing to compare."""
    return [a / b for a, b in zip(figures[row].get(of, []), figures[row].get(to, []))]


def form(values):
    """Three digits or more, as a format."""
    digits = len(str(int(statistics.median(values))))
    return f'{{:.{max(0, 3 - digits)}f}}'


def report(figures, ways, rounds):
    for row, (unit, _) in ROWS.items():
        there = [way.name for way in ways if way.name in figures[row]]
        table(f'{row}, {unit}: median of {rounds} [least, most], times "{there[0]}"', [
            (name, f'{spread(figures[row][name], form(figures[row][name])):<26}'
             f'{spread(ratios(figures, row, name, there[0]))}') for name in there])


def report_targets(figures):
    print('what is to be reached: the figure of xsocket-bridge against that of another way')
    for row, (_, more) in ROWS.items():
        for peer in (DIRECT, SOCAT, PROXYDS):
            target = TARGETS.get((row, peer), None if peer == DIRECT else 1)
            found = ratios(figures, row, BRIDGE, peer)
            if target is None or not found:
                continue
            middle = statistics.median(found)
            reached = middle >= target if more else middle <= target
            print(f'  {row:<56} {peer:<29} {"at least" if more else "at most "} {target:<5g}'
                  f'{spread(found, "{:.2f}"):<22}{"reached" if reached else "NOT REACHED"}')


def draw(figures, ways, directory):
    for name, rows in PLOTS.items():
        plot.write(f'{directory}/bridge-{name}.svg', [
            (f'{row}, {ROWS[row][0]}, {"more" if ROWS[row][1] else "less"} is better', [
                (way.name, (min(values), statistics.median(values), max(values)),
                 way.name.startswith(BRIDGE))
                for way in ways if (values := figures[row].get(way.name))])
            for row in rows])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('bridge_udp')
    parser.add_argument('rounds', type=int, nargs='?', default=ROUNDS)
    parser.add_argument('--svg', metavar='DIR')
    args = parser.parse_args()
    others = Others()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        bench = Bench(stack, directory, os.path.abspath(args.bridge_udp))
        bench.serve(bench.far)
        for prepare in (bench.direct, bench.veth, bench.libxbind, bench.bridges, bench.socats,
                        bench.proxyds):
            prepare()
        for way in bench.ways:  # each works, and what its first client starts is there
            wrk(way.client, HTTP + way.shift, host=way.host)
        figures, well = measure(bench, args.rounds, others)
    report(figures, bench.ways, args.rounds)
    report_targets(figures)
    print(others)
    if args.svg:
        draw(figures, bench.ways, args.svg)
    sys.exit(0 if well else 1)


if __name__ == '__main__':
    main()
