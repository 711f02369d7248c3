# SPDX-License-Identifier: MIT
"""transmission-daemon and qbittorrent-nox: a web interface, and a port for peers."""

import base64
import json
import re

import torrent
from programs import PATIENCE, http, talk
from support.matrix import row
from support.wait import require, wait_until

ENVIRONMENT = {'HOME': '/nonexistent', 'LANG': 'C.UTF-8'}

TRANSMISSION = {
    'rpc-port': 3000, 'rpc-bind-address': '127.0.0.1', 'rpc-authentication-required': False,
    'peer-port': 3001, 'bind-address-ipv4': '127.0.0.1', 'bind-address-ipv6': '::1',
    'dht-enabled': False, 'lpd-enabled': False, 'pex-enabled': False, 'utp-enabled': True,
    'port-forwarding-enabled': False, 'encryption': 0,
}


def fetch(side, host):
    """A program that has only just found out that it has the file may hang up at first."""
    answer = wait_until(lambda: torrent.download(side.there, 3001, host), PATIENCE, 'a piece')
    assert answer == torrent.PIECE
    return answer


def rpc(side, method, **arguments):
    """One call of Transmission's, with the token that a first try is refused with."""
    body = json.dumps({'method': method, 'arguments': arguments})
    head = (f'POST /transmission/rpc HTTP/1.0\r\nHost: 127.0.0.1\r\n'
            f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n')
    refused = talk(side.there, 3000, f'{head}\r\n{body}'.encode()).decode()
    assert refused.split()[1] == '409', refused
    token = re.search(r'X-Transmission-Session-Id: \S+', refused)[0]
    answer = talk(side.there, 3000, f'{head}{token}\r\n\r\n{body}'.encode())
    assert answer.split()[1] == b'200', answer
    return json.loads(answer.partition(b'\r\n\r\n')[2])


@row('transmission-daemon', 'calls of its web interface; a piece for a peer; a connection over uTP',
     log=False)
def test_transmission(side):
    (side.directory / 'payload').write_bytes(torrent.PIECE)
    config = side.directory / 'config'
    config.mkdir()
    (config / 'settings.json').write_text(json.dumps(
        TRANSMISSION | {'download-dir': str(side.directory)}))
    daemon = side.start([require('transmission-daemon'), '-f', '-g', config], '3000-3001',
                        **ENVIRONMENT)
    daemon.wait_listening(3000, v4=1)
    daemon.wait_listening(3001, v4=1, v6=1)
    daemon.wait_listening(3001, 'udp', v4=1)  # over IPv6 where there is a global address
    answer = rpc(side, 'torrent-add', metainfo=base64.b64encode(torrent.TORRENT).decode())
    assert answer['result'] == 'success'
    yield answer
    wait_until(lambda: rpc(side, 'torrent-get', fields=['status'])['arguments']['torrents'] ==
               [{'status': 6}], PATIENCE, 'that it seeds')
    yield fetch(side, '127.0.0.1')
    yield torrent.connect_utp(side.there, 3001)
    yield daemon.stop()


QBITTORRENT = r'''
[LegalNotice]
Accepted=true
[Preferences]
WebUI\Address=127.0.0.1
WebUI\Port=3000
WebUI\LocalHostAuth=false
[BitTorrent]
Session\Port=3001
Session\DHTEnabled=false
Session\LSDEnabled=false
Session\PeXEnabled=false
[Network]
PortForwardingEnabled=false
'''


def qbittorrent(side, setting, hosts):
    (side.directory / 'payload').write_bytes(torrent.PIECE)
    (side.directory / 'file.torrent').write_bytes(torrent.TORRENT)
    config = side.directory / 'profile/qBittorrent/config'
    config.mkdir(parents=True)
    (config / 'qBittorrent.conf').write_text(
        QBITTORRENT.replace('[BitTorrent]', f'[BitTorrent]\n{setting}'))
    program = side.start([require('qbittorrent-nox'), f'--profile={side.directory}/profile',
                          f'--save-path={side.directory}', side.directory / 'file.torrent'],
                         '3000-3001', **ENVIRONMENT)
    program.wait_listening(3000, v4=1)
    program.wait_listening(3001, v4=1, v6=len(hosts) - 1)
    program.wait_listening(3001, 'udp', v4=1, v6=len(hosts) - 1)
    page = http(side.there, 3000)
    assert 'qBittorrent' in page
    yield http(side.there, 3000, path='/api/v2/app/version')

    def seeds():
        listed = json.loads(http(side.there, 3000, path='/api/v2/torrents/info'))
        return listed and (listed[0]['progress'], listed[0]['state']) == (1, 'stalledUP')

    wait_until(seeds, PATIENCE, 'that it seeds')
    for host in hosts:
        yield fetch(side, host)
        yield torrent.connect_utp(side.there, 3001, host)
    yield program.stop()


# Its threads open files as they come.
NUMBERS = ('numbers',)


@row('qbittorrent-nox', 'its web interface; a piece for a peer and a connection over uTP, on an '
     "interface's addresses", log=False, but=NUMBERS)
def test_qbittorrent(side):
    """It binds each address of an interface, with SO_BINDTODEVICE."""
    yield from qbittorrent(side, 'Session\\Interface=lo\nSession\\InterfaceName=lo',
                           ['127.0.0.1', '::1'])


@row('qbittorrent-nox', 'the same on an address that only the namespace has', log=False,
     but=(*NUMBERS, 'option 1/25', 'option 1/62'))
def test_qbittorrent_address(side):
    """It looks the address up among its own, for SO_BINDTODEVICE, and does without otherwise."""
    side.there.run(['ip', 'address', 'add', '10.8.0.2/32', 'dev', 'lo'])
    yield from qbittorrent(side, 'Session\\InterfaceAddress=10.8.0.2', ['10.8.0.2'])
