# SPDX-License-Identifier: MIT
"""asyncio_server.py PORT [uvloop]: tells clients their addresses, over TCP and UDP.

With the event loop of asyncio itself, or with that of libuv.
"""

import asyncio
import importlib
import signal
import sys


async def stream(reader, writer):
    await reader.readline()
    writer.write('tcp {} {}\n'.format(*writer.get_extra_info('peername')[:2]).encode())
    await writer.drain()
    writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto('udp {} {}\n'.format(*addr[:2]).encode(), addr)


async def main(port):
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(stream, None, port)  # both families, a socket each
    transport, _ = await loop.create_datagram_endpoint(Datagrams, ('127.0.0.1', port))
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    print('ready', flush=True)
    await stop.wait()
    transport.close()
    server.close()
    await server.wait_closed()


if 'uvloop' in sys.argv:
    importlib.import_module('uvloop').install()
asyncio.run(main(int(sys.argv[1])))
