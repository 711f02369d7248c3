# SPDX-License-Identifier: MIT
"""Programs that fetch: curl, wget, aria2, git, and HTTP/3."""

from places import IPV4, IPV6
from servers import PAGE, Git, Quic, Web
from support.matrix import row
from support.wait import require


def curl(side, *options):
    web = side.server(Web)
    said = side.run([require('curl'), '-q', '--no-progress-meter', '--max-time', '50',
                     '--cacert', web.world.keys.certificate, *options])
    assert PAGE in said or 'web.example' in said or IPV4 in said or IPV6 in said
    return said


@row('curl', 'HTTP by addresses, and by names of IPv4, of IPv6 and of both', cases=[
    (IPV4,), (f'[{IPV6}]',), ('four.example',), ('six.example',), ('web.example',)])
def test_curl(side, host):
    yield curl(side, f'http://{host}/client', f'http://{host}/page')


@row('curl', 'HTTPS, HTTP/2; a redirect; many at once', cases=[
    ('https', ['--http1.1', 'https://web.example/client', f'https://[{IPV6}]/client']),
    ('http2', ['--http2', 'https://web.example/client', f'https://{IPV4}/client']),
    ('redirect', ['--location', 'http://web.example/again']),
    ('parallel', ['--parallel', '--parallel-immediate', '--parallel-max', '20',
                  'http://{web,four,six}.example/page?[1-10]'])])
def test_curl_https(side, _, options):
    yield curl(side, *options)


@row('curl', 'TCP Fast Open', cases=[(IPV4, ), (f'[{IPV6}]',)])
def test_curl_fastopen(side, host):
    """The first packet has the request in it once the server is known."""
    side.world.there.run(['ip', 'tcp_metrics', 'flush'])
    for _ in range(2):
        yield curl(side, '--tcp-fastopen', f'http://{host}/page')
    yield [packet.data[:5] for packet in side.sent() if packet.interface == 'lo']


@row('curl', 'the other address of a name, where one refuses and where one is silent', cases=[
    ('refused',), ('silent',)])
def test_curl_happy_eyeballs(side, name):
    yield curl(side, '--happy-eyeballs-timeout-ms', '100', f'http://{name}.example/client')


@row('wget', 'a page over HTTP by an address and by a name, over HTTPS by a name')
def test_wget(side):
    web = side.server(Web)
    for url in (f'http://{IPV4}/page', f'http://[{IPV6}]/page', 'http://web.example/client',
                'http://refused.example/client', 'https://web.example/client'):
        said = side.run([require('wget'), '--no-config', '--quiet', '--tries=1', '--output-document=-',
                         f'--ca-certificate={web.world.keys.certificate}', url])
        yield said


@row('aria2', 'a page over HTTP and HTTPS, in pieces, by names that it looks up itself')
def test_aria2(side):
    web = side.server(Web)
    for name, url in (('1', f'http://{IPV4}/page'), ('2', 'http://web.example/client'),
                      ('3', 'https://four.example/client')):
        side.run([require('aria2c'), '--no-conf', '--quiet', '--allow-overwrite', '--dir=.',
                  f'--out={name}', f'--ca-certificate={web.world.keys.certificate}', url])
        yield (side.directory / name).read_text()


@row('git', 'a clone over HTTP, HTTPS and its own protocol, by names', cases=[
    ('http', Web), ('https', Web), ('git', Git)])
def test_git(side, protocol, server):
    server = side.server(server)
    yield side.run([require('git'), 'clone', '--quiet', f'{protocol}://web.example/repo.git', 'clone'],
                   GIT_SSL_CAINFO=str(server.world.keys.certificate), GIT_CONFIG_NOSYSTEM='1')
    yield (side.directory / 'clone/file').read_text()


@row('gtlsclient', 'a page over HTTP/3 (QUIC), by an address and by a name', cases=[
    (IPV4,), (IPV6,), ('web.example',)])
def test_http3(side, host):
    side.server(Quic)
    url = f'https://[{host}]/page' if ':' in host else f'https://{host}/page'
    side.run([require('gtlsclient'), '--quiet', '--exit-on-all-streams-close', '--timeout=20s',
              f'--download={side.directory}', host, '443', url])
    yield (side.directory / 'page').read_text()
