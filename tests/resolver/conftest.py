# SPDX-License-Identifier: MIT
"""What a name comes to inside a namespace, asked by libc; and outside of it, asked by resolver/."""

import pathlib
import subprocess

import pytest

from support.ears import WRONG
from support.names import Etc

FILES = ('resolv.conf', 'hosts', 'nsswitch.conf')

# As support/preloaded.py has it for programs under a library. But here it is about programs that are
# all ours, so leaks count; and ThreadSanitizer counts the threads that a child has not.
SANITIZER = {'ASAN_OPTIONS': 'use_sigaltstack=0', 'TSAN_OPTIONS': 'report_thread_leaks=0'}

# Outside everything is wrong: whoever looks there finds what is nowhere else, or is heard.
POISON = {
    'resolv.conf': 'nameserver 127.0.0.1\nnameserver ::1\nsearch poison\n',
    'hosts': ' '.join([
        WRONG, 'web.example', 'web', 'nope.example', 'multi', 'localhost', 'four.example']) + '\n',
    'nsswitch.conf': 'hosts: files dns\n',
    'host.conf': 'multi on\n',
}


@pytest.fixture
def etc():
    """/etc of where the tests are."""
    with Etc() as layer:
        for name, text in POISON.items():
            layer.write(name, text)
        yield layer


class Asker:
    """A namespace whose files are in a directory."""

    def __init__(self, build, namespace, directory):
        self.program = build / 'tests/resolver/ask'
        self.namespace, self.directory = namespace, pathlib.Path(directory)
        self.why = ''

    def write(self, name, text):
        (self.directory / name).write_text(text, encoding='utf-8')

    def _run(self, argv, questions, **kwargs):
        result = subprocess.run(argv, input='\n'.join(questions) + '\n', capture_output=True, text=True,
                                timeout=60, check=False, **kwargs)
        assert result.returncode == 0, result.stderr
        answers = {}
        for block in result.stdout.split('? ')[1:]:
            question, _, answer = block.partition('\n')
            answers[question] = answer
        assert set(answers) == set(questions)
        self.why = result.stderr
        return answers

    def native(self, *questions, env=None):
        """{question: answer} by libc, as "ip netns exec" has it: files are mounted over /etc."""
        mounts = [f'mount --bind {self.directory}/{name} /etc/{name}' for name in FILES
                  if (self.directory / name).exists()]
        script = ' && '.join([*mounts, f'exec nsenter --net={self.namespace.path} {self.program} native'])
        return self._run(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script],
                         questions, env=env)

    def there(self, *questions, wrap=(), env=None):
        """The same, asked from here."""
        return self._run([*wrap, self.program, 'there', self.namespace.path, self.directory],
                         questions, env=env)

    def by_broker(self, server, *questions, wrap=(), env=None):
        """The same by libxsocket-resolver.so."""
        return self._run([*wrap, self.program, 'broker', server], questions, env=env)

    def differing(self, asked, **kwargs):
        """{question: (answer of libc, of resolver/)} where these differ."""
        native, there = self.native(*asked, **kwargs), self.there(*asked, **kwargs)
        return {question: (native[question], there[question]) for question in asked
                if native[question] != there[question]}


@pytest.fixture
def asker(build, netns, tmp_path):
    """A new namespace with an empty hosts file."""
    made = Asker(build, netns(), tmp_path)
    made.write('hosts', '')
    made.write('resolv.conf', 'nameserver 127.0.0.1\n')
    made.write('nsswitch.conf', 'hosts: files dns\n')
    return made
