# SPDX-License-Identifier: MIT
"""python_client.py WHAT CERTIFICATE: asks the servers of the namespace in one way, and prints."""

import asyncio
import errno
import select
import socket
import ssl
import sys
import time
import urllib.request

IPV4, IPV6 = '192.0.2.1', '2001:db8::1'
URLS = [f'http://{IPV4}/page', f'http://[{IPV6}]/page', 'http://web.example/client',
        'https://web.example/client', 'http://refused.example/client']


def by_urllib(certificate):
    context = ssl.create_default_context(cafile=certificate)
    for url in URLS:
        with urllib.request.urlopen(url, context=context) as answer:
            print(answer.status, answer.read().decode(), end='')


def by_requests(certificate):
    import requests
    with requests.Session() as session:
        for url in URLS:
            answer = session.get(url, verify=certificate)
            print(answer.status_code, answer.text, end='')


def by_aiohttp(certificate):
    import aiohttp

    async def fetch(session, url):
        async with session.get(url, ssl=ssl.create_default_context(cafile=certificate)) as answer:
            return answer.status, await answer.text()

    async def main():
        async with aiohttp.ClientSession() as session:
            for result in await asyncio.gather(*(fetch(session, url) for url in URLS)):
                print(*result, end='')
    asyncio.run(main())


def by_asyncio(_):
    class Datagrams(asyncio.DatagramProtocol):
        def __init__(self):
            self.answer = asyncio.get_running_loop().create_future()

        def datagram_received(self, data, address):
            self.answer.set_result((data, address))

    async def main():
        for host in (IPV4, 'six.example', 'refused.example', 'silent.example'):
            reader, writer = await asyncio.open_connection(host, 3000, happy_eyeballs_delay=0.1)
            writer.write(b'hello')
            print(host, await reader.read(), writer.get_extra_info('peername')[:2])
            writer.close()
        loop = asyncio.get_running_loop()
        for host in ('four.example', IPV6):
            transport, datagrams = await loop.create_datagram_endpoint(
                Datagrams, remote_addr=(host, 3000))
            transport.sendto(b'hello')
            print(host, await datagrams.answer)
            transport.close()
    asyncio.run(main())


def connect_without_waiting(family, address):
    """As programs with loops of their own do: EINPROGRESS, writable, SO_ERROR."""
    sock = socket.socket(family)
    sock.setblocking(False)
    with sock:
        print(errno.errorcode[sock.connect_ex(address)], end=' ')
        print(select.select([], [sock], [], 20)[1] == [sock],
              errno.errorcode.get(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0), end=' ')
        sock.setblocking(True)
        try:
            sock.sendall(b'hello')
            print(sock.recv(100), sock.getsockname()[0], sock.getpeername()[:2])
        except OSError as error:
            print(errno.errorcode[error.errno])


def by_sockets(_):
    connect_without_waiting(socket.AF_INET, (IPV4, 3000))
    connect_without_waiting(socket.AF_INET6, (IPV6, 3000))
    connect_without_waiting(socket.AF_INET6, (f'::ffff:{IPV4}', 3000))
    connect_without_waiting(socket.AF_INET, (IPV4, 3001))  # nobody is there
    for _ in range(2):  # a cookie, and then data with the first packet
        with socket.socket() as sock:
            print(sock.sendto(b'fast', socket.MSG_FASTOPEN, (IPV4, 3000)), sock.recv(100))
    for family, host in ((socket.AF_INET, IPV4), (socket.AF_INET6, IPV6)):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.sendto(b'hello', (host, 3000))
            print(sock.recvfrom(100))
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind(('192.0.2.10' if family == socket.AF_INET else '2001:db8::10', 0))
            sock.connect((host, 3000))
            sock.send(b'hello')
            print(sock.recv(100), sock.getsockname()[0])
    with socket.create_connection(('refused.example', 3000), source_address=('', 0)) as sock:
        print(sock.getpeername())


def echoed(host, kind):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(20)
        sock.connect((host, 3000))
        sock.send(b'hello')
        return b'hello' in sock.recv(100)


def by_looping(_):
    """Until it is ended: connections and datagrams, by addresses and by names, again and again."""
    while True:
        for host, kind in ((IPV4, socket.SOCK_STREAM), ('web.example', socket.SOCK_STREAM),
                           (IPV4, socket.SOCK_DGRAM), ('four.example', socket.SOCK_DGRAM)):
            try:
                print('good' if echoed(host, kind) else 'bad: wrong answer', flush=True)
            except OSError as error:
                print('bad:', error, flush=True)
        time.sleep(0.01)


if __name__ == '__main__':
    globals()[f'by_{sys.argv[1]}'](sys.argv[2])
