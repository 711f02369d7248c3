# SPDX-License-Identifier: MIT
"""Name servers in namespaces, and /etc as a test wants it."""

import os
import pathlib
import socket
import struct
import subprocess
import tempfile

from support.users import require_users
from support.wait import require, wait_until


class Etc:
    """/etc can be written to as long as this lasts: a layer over it, in this mount namespace only.
    /etc/netns is empty."""

    def __enter__(self):
        layer = tempfile.mkdtemp(prefix='etc.')
        os.mkdir(f'{layer}/upper')
        os.mkdir(f'{layer}/work')
        subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o', 'userxattr,lowerdir=/etc,'
                        f'upperdir={layer}/upper,workdir={layer}/work', '/etc'], check=True)
        os.makedirs('/etc/netns', exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/etc/netns'], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(['umount', '--lazy', '/etc'], check=True)

    def write(self, name, text):
        """Replaces a file, as its name is: what is there may belong to somebody else."""
        path = pathlib.Path('/etc', name)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + '.new')
        fresh.write_text(text)
        os.replace(fresh, path)


class Dns:
    """A dnsmasq at 127.0.0.1 of a namespace that knows what names() tells it, each for ttl seconds."""

    def __init__(self, namespace, hosts=None, ttl=1, port=53, more=()):
        require_users()  # it sets its groups
        self.namespace, self.directory = namespace, tempfile.mkdtemp(prefix='dns.')
        self.process, self.ttl, self.port, self.more = None, ttl, port, more
        self.names(hosts or {})
        self.start()

    def start(self):
        with open(f'{self.directory}/log', 'ab') as log:
            self.process = self.namespace.popen(
                [require('dnsmasq', '/usr/sbin/dnsmasq'), '--keep-in-foreground',
                 f'--port={self.port}', '--conf-file=/dev/null', '--pid-file=', '--user=root',
                 '--listen-address=127.0.0.1', '--bind-interfaces', '--no-resolv', '--no-hosts',
                 '--local=/#/', '--log-queries', '--log-facility=-', f'--local-ttl={self.ttl}',
                 f'--addn-hosts={self.directory}/hosts', *self.more], stderr=log, stdout=log)
        wait_until(lambda: self.namespace.listening(self.port), what=lambda: self.log)

    def names(self, hosts):
        """{name: [address, ...]}, from now on."""
        with open(f'{self.directory}/hosts.new', 'w', encoding='ascii') as file:
            for name, addresses in hosts.items():
                file.writelines(f'{address} {name}\n' for address in addresses)
        os.replace(f'{self.directory}/hosts.new', f'{self.directory}/hosts')
        if self.process:
            read = self.log.count(f'read {self.directory}/hosts')
            self.process.send_signal(1)
            wait_until(lambda: self.log.count(f'read {self.directory}/hosts') > read,
                       what=lambda: self.log)

    @property
    def log(self):
        with open(f'{self.directory}/log', encoding='utf-8') as log:
            return log.read()

    def asked(self, name, record='A'):
        """How often it has been asked for that."""
        return self.log.count(f'query[{record}] {name} ')

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)


class Silence:
    """Port 53 of all addresses of a namespace, where nothing may come, and nothing answers."""

    def __init__(self, namespace):
        self.udp = namespace.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.tcp = namespace.socket(socket.AF_INET6, socket.SOCK_STREAM)
        for sock in (self.udp, self.tcp):
            sock.bind(('::', 53))
            sock.setblocking(False)
        self.tcp.listen()

    def heard(self):
        """How many have come since the last time."""
        count = 0
        for receive in (lambda: self.udp.recv(65536), self.tcp.accept):
            try:
                while receive():
                    count += 1
            except BlockingIOError:
                pass
        return count

    def ask(self):
        """That it would hear."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(struct.pack('!6H', 1, 256, 1, 0, 0, 0) + b'\1x\0\0\1\0\1', ('127.0.0.1', 53))

    def close(self):
        self.udp.close()
        self.tcp.close()
