# SPDX-License-Identifier: MIT
"""Some of everything, with any Python and its standard library only: test_versions.py runs it.

It prints what it found, one line each. Servers in vpn, lan and outside answer with their names.
"""

import asyncio
import concurrent.futures
import contextlib
import multiprocessing
import os
import socket
import threading
import urllib.request

import xsocket

URL = 'http://127.0.0.1:8080/'


def fetch():
    with urllib.request.urlopen(URL, timeout=10) as answer:
        return answer.read().decode()


async def stream():
    reader, writer = await asyncio.open_connection('127.0.0.1', 8080)
    writer.write(b'GET / HTTP/1.0\r\n\r\n')
    answer = await reader.read()
    writer.close()
    return answer.rpartition(b'\n')[2].decode()


def blocks():
    with xsocket.namespace('vpn'):
        yield fetch()
        with xsocket.namespace('lan'):
            yield fetch()
            with xsocket.namespace(xsocket.HERE):
                yield fetch()
        yield fetch()
    yield fetch()


def pushed():
    xsocket.push('vpn')
    yield fetch()
    xsocket.pop()
    try:
        xsocket.pop()
    except IndexError:
        yield 'IndexError'


def decorated():
    yield xsocket.namespace('vpn')(fetch)()
    yield asyncio.run(xsocket.namespace('lan')(stream)())


@xsocket.namespace('vpn')
async def left_open(answers):
    try:
        yield
    finally:
        answers.append(await stream())


def closed():
    """What a loop closes at its end."""
    answers, kept = [], []

    async def main():
        for _ in range(3):
            kept.append(left_open(answers))
            await kept[-1].asend(None)

    asyncio.run(main())
    return answers


def runners():
    """Before Python 3.11 there is none, and each run is one of its own."""
    with contextlib.ExitStack() as stack:
        run = stack.enter_context(asyncio.Runner()).run if hasattr(asyncio, 'Runner') else asyncio.run
        for name in ('vpn', 'lan', '.'):
            with xsocket.namespace(name):
                yield run(stream())


async def tasks():
    async def one(name):
        async with xsocket.namespace(name):
            loop = asyncio.get_running_loop()
            return await stream(), await loop.run_in_executor(None, fetch)

    return await asyncio.gather(*map(one, ('vpn', 'lan', '.', 'vpn')))


def threads():
    answers = {}

    def note(name):
        answers[name] = fetch()

    started = []
    for name in ('vpn', 'lan', '.'):
        with xsocket.namespace(name):
            started.append(threading.Thread(target=note, args=(name,)))
            started[-1].start()
    for each in started:
        each.join()
    return [answers[name] for name in ('vpn', 'lan', '.')]


def pools():
    context = multiprocessing.get_context('fork')
    for kind in (concurrent.futures.ThreadPoolExecutor(1),
                 concurrent.futures.ProcessPoolExecutor(1, context)):
        with kind as pool:
            for name in ('vpn', '.', 'lan'):
                with xsocket.namespace(name):
                    yield pool.submit(fetch).result()


def sockets():
    with xsocket.Client('vpn') as client:
        made = [xsocket.socket('vpn'), client.socket(), *client.sockets(100)]
    yield len(made)
    for sock in made:
        with sock:
            sock.connect(('127.0.0.1', 8080))
            assert type(sock) is socket.socket and not sock.get_inheritable()
    yield xsocket.getaddrinfo('vpn', '127.0.0.1', 80, type=socket.SOCK_STREAM)[0][4]


def errors():
    for use in (lambda: xsocket.socket('nobody'), xsocket.namespace('nobody')(lambda: socket.socket())):
        try:
            use()
        except FileNotFoundError as error:
            yield error.filename


def descriptors():
    return len(os.listdir('/proc/self/fd'))


def main():
    print('blocks', *blocks())
    print('pushed', *pushed())
    print('decorated', *decorated())
    print('closed', *closed())
    print('runners', *runners())
    print('tasks', *sum(asyncio.run(tasks()), ()))
    print('threads', *threads())
    print('pools', *pools())
    before = descriptors()
    print('sockets', *sockets())
    print('errors', *errors())
    print('left', descriptors() - before)


if __name__ == '__main__':
    main()
