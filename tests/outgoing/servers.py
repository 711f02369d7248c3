# SPDX-License-Identifier: MIT
"""Servers that exist in the namespace only. Each class is started once, by world.server(CLASS)."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading

from places import IPV4, IPV6, NAMES
from support.nginx import configuration
from support.wait import require, wait_until

PAGE = 'a page of the namespace\n'

NGINX = '''
default_type text/plain;
ssl_certificate {1}/certificate;
ssl_certificate_key {1}/key;
server {{
    listen {2}:80 fastopen=16;
    listen [{3}]:80 fastopen=16;
    listen {2}:443 ssl http2;
    listen [{3}]:443 ssl http2;
    root {0}/pages;
    location /client {{
        return 200 "$remote_addr $server_addr $scheme $http_host $server_protocol\\n";
    }}
    location /again {{
        return 302 /page;
    }}
}}
'''

SSHD = '''
Port 22
ListenAddress {2}
ListenAddress {3}
HostKey {1}/host
AuthorizedKeysFile {1}/client.pub
PidFile none
StrictModes no
PermitRootLogin yes
UsePAM no
UseDNS no
KexAlgorithms curve25519-sha256
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
'''

RSYNCD = '''
use chroot = no
uid = root
gid = root
[files]
path = {0}/pages
'''


class Keys:
    """A certificate for all the names and addresses, signed by itself, and its key."""

    def __init__(self, _):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='keys.'))
        self.certificate, self.key = self.directory / 'certificate', self.directory / 'key'
        names = ','.join([*(f'DNS:{name}' for name in NAMES), f'IP:{IPV4}', f'IP:{IPV6}'])
        subprocess.run([require('openssl'), 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
                        '/CN=web.example', '-addext', f'subjectAltName={names}', '-keyout',
                        self.key, '-out', self.certificate], check=True, capture_output=True)

    def close(self):
        pass


class Server:
    """A program that listens in a namespace, until close()."""

    tcp = udp = ()

    def __init__(self, world):
        self.world, self.namespace = world, world.there
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='server.'))
        with open(self.directory / 'log', 'wb') as log:
            self.process = subprocess.Popen(world.enter(self.command()), stdout=log, stderr=log)
        wait_until(lambda: all(self.namespace.listening(port) for port in self.tcp)
                   and all(self.namespace.listening(port, 'udp') for port in self.udp)
                   or self.process.poll() is not None, what=lambda: self.log)
        assert self.process.poll() is None, self.log

    @property
    def log(self):
        return (self.directory / 'log').read_text(encoding='utf-8', errors='replace')

    def command(self):
        raise NotImplementedError

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding='utf-8')
        return path

    def close(self):
        self.process.terminate()
        self.process.wait(20)


class Web(Server):
    """nginx: HTTP, HTTPS with HTTP/1.1 and HTTP/2, and TCP Fast Open. A git repository, too."""

    tcp = (80, 443)

    def command(self):
        self.write('pages/page', PAGE)
        self.write('pages/large', 'x' * 300000)
        repository(self.directory / 'pages')
        http = NGINX.format(self.directory, self.world.keys.directory, IPV4, IPV6)
        conf = self.write('conf', configuration(self.directory, http))
        return [require('nginx', '/usr/sbin/nginx'), '-p', self.directory, '-c', conf]


def repository(directory):
    """repo.git, with one file, for any way of serving it."""
    git = [require('git'), '-c', 'user.name=A', '-c', 'user.email=a@example', '-C', directory]
    env = os.environ | {'GIT_CONFIG_GLOBAL': '/dev/null', 'GIT_CONFIG_SYSTEM': '/dev/null'}
    for command in (['init', '--quiet', '--bare', '--initial-branch=main', 'repo.git'],
                    ['-C', 'repo.git', 'fast-import', '--quiet'],
                    ['-C', 'repo.git', 'update-server-info']):
        subprocess.run([*git, *command], check=True, env=env, text=True, input=(
            'commit refs/heads/main\ncommitter A <a@example> 0 +0000\ndata 5\nfirst\n'
            f'M 644 inline file\ndata {len(PAGE)}\n{PAGE}\n'), stdout=subprocess.DEVNULL)


class Git(Server):
    """git's own daemon."""

    tcp = (9418,)

    def command(self):
        self.write('pages/README', '')
        repository(self.directory / 'pages')
        return [require('git'), 'daemon', f'--listen={IPV4}', f'--listen={IPV6}', '--export-all',
                f'--base-path={self.directory}/pages', '--reuseaddr']


class Ssh(Server):
    """sshd, for root, with a key."""

    tcp = (22,)

    def command(self):
        for name in ('host', 'client'):
            subprocess.run([require('ssh-keygen'), '-q', '-t', 'ed25519', '-N', '', '-f',
                            self.directory / name], check=True)
        host = (self.directory / 'host.pub').read_text().rpartition(' ')[0]
        self.known = self.write('known', ''.join(f'{name} {host}\n' for name in (*NAMES, IPV4, IPV6)))
        os.makedirs('/run/sshd', mode=0o755, exist_ok=True)
        # a shell that reads nobody's files
        users = pathlib.Path('/etc/passwd').read_text(encoding='utf-8')
        self.world.etc.write('passwd', re.sub(r'(?m)^(root:.*:).*', r'\1/bin/sh', users))
        conf = self.write('conf', SSHD.format(None, self.directory, IPV4, IPV6))
        return [require('sshd', '/usr/sbin/sshd'), '-D', '-e', '-f', conf]

    def options(self, **more):
        options = {'BatchMode': 'yes', 'StrictHostKeyChecking': 'yes',
                   'UserKnownHostsFile': self.known, 'IdentityFile': self.directory / 'client'} | more
        return ['-F', 'none', *(f'-o{name}={value}' for name, value in options.items())]


class Rsync(Server):
    tcp = (873,)

    def command(self):
        self.write('pages/page', PAGE)
        conf = self.write('conf', RSYNCD.format(self.directory))
        return [require('rsync'), '--daemon', '--no-detach', f'--config={conf}']


class Quic(Server):
    """HTTP/3, by the server that ngtcp2 comes with."""

    udp = (443,)

    def command(self):
        self.write('pages/page', PAGE)
        return [require('gtlsserver', '/usr/sbin/gtlsserver'), '--quiet',
                f'--htdocs={self.directory}/pages', '*', '443', self.world.keys.key,
                self.world.keys.certificate]


class Echo:
    """Port 3000 of TCP, with Fast Open, and of UDP: sends back what it is sent, and who sent it."""

    def __init__(self, world):
        self.sockets = []
        for address in (IPV4, IPV6):
            family = socket.AF_INET6 if ':' in address else socket.AF_INET
            tcp = world.there.socket(family)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
            udp = world.there.socket(family, socket.SOCK_DGRAM)
            for sock in (tcp, udp):
                sock.bind((address, 3000))
                self.sockets.append(sock)
            tcp.listen()
            threading.Thread(target=self._accept, args=(tcp,), daemon=True).start()
            threading.Thread(target=self._datagrams, args=(udp,), daemon=True).start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                sock, (peer, *_) = listener.accept()
                with sock, contextlib.suppress(OSError):
                    sock.sendall(f'{peer}: '.encode() + sock.recv(4096))

    def _datagrams(self, sock):
        with contextlib.suppress(OSError):
            while True:
                data, peer = sock.recvfrom(4096)
                if not peer:  # shut down
                    return
                sock.sendto(f'{peer[0]}: '.encode() + data, peer)

    def close(self):
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
