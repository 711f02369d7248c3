# SPDX-License-Identifier: MIT
"""Memory of brokers: idle, and with 1000 idle connections each.

Each connection has asked for one socket and got it, by turns from each CPU, so that there are as
many threads as there can be. Memory is looked at right after the last exchange, and again after
some seconds, when a broker that has nothing to do has given back what it does not need.
"""

import contextlib
import os
import resource
import time

from measure import broker, namespace, spread, table
from support import wire

CONNECTIONS = 1000
BROKERS = 5
IDLE_S = 5


def memory(pid):
    """Resident memory in MiB: all of it, and with shared pages counted by their part."""
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as rollup:
        sizes = {words[0]: int(words[1]) for words in map(str.split, list(rollup)[1:])}
    return sizes['Rss:'] / 1024, sizes['Pss:'] / 1024


def children(pid):
    found = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/children', encoding='ascii') as tasks:
            found += len(tasks.read().split())
    return found


def connect(server, cpus, count):
    """Open connections, each of which has been served once."""
    made = []
    for i in range(count):
        cpu = cpus[i % len(cpus)]
        os.sched_setaffinity(0, {cpu})
        made.append(wire.Connection(server))
        for sock in made[-1].sockets(cpu=cpu):
            sock.close()
    os.sched_setaffinity(0, cpus)
    return made


def look(figures, when, servers):
    """Notes memory now, and when the brokers have been idle for a while."""
    for wait, state in ((0, 'at once'), (IDLE_S, 'idle')):
        time.sleep(wait)
        for server in servers:
            rss, pss = memory(server.pid)
            figures.setdefault((when, state), []).append(rss)
            figures.setdefault((when, f'{state}, Pss'), []).append(pss)


def main():
    cpus = sorted(os.sched_getaffinity(0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    figures, processes, threads = {}, [], []
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(broker(stack.enter_context(namespace(f'bench{i}'))))
                   for i in range(BROKERS)]
        # the brokers' limit is their own affair, ours has to do for the connections
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        look(figures, 'started', servers)
        for server in servers:
            for connection in connect(server.server, cpus, len(cpus)):
                connection.sock.close()
        look(figures, 'used from every CPU', servers)
        connections = [connection for server in servers
                       for connection in connect(server.server, cpus, CONNECTIONS)]
        look(figures, f'{CONNECTIONS} connections', servers)
        for server in servers:
            processes.append(1 + children(server.pid))
            threads.append(len(os.listdir(f'/proc/{server.pid}/task')))
        for connection in connections:
            connection.sock.close()
    table(f'resident memory in MiB, median of {BROKERS} brokers [least, most]', [
        *((f'{when}, {state}', spread(values, '{:.2f}'))
          for (when, state), values in figures.items()),
        *((f'above idle, {state}', spread(
            [full - idle for full, idle in zip(figures[f'{CONNECTIONS} connections', state],
                                               figures['used from every CPU', state])], '{:.2f}'))
          for state in ('at once', 'idle')),
        ('processes', spread(processes, '{:.0f}')),
        ('threads', spread(threads, '{:.0f}')),
    ])


if __name__ == '__main__':
    main()
