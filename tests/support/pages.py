# SPDX-License-Identifier: MIT
"""The examples in what a user reads: fenced blocks of Markdown and of scdoc."""

import re

from support import tree

# the file that a block is for, where its first line says so
FILE = re.compile(r'# (/\S+)\n')


def blocks(path, language=''):
    """Those that are marked with this language, or with none, as they are rendered."""
    found = re.findall(rf'(?ms)^```{language}\n(.*?)^```$', tree.text(path))
    assert found, f'no example in {path}'
    # scdoc takes backslashes in pairs, even here
    return [text.replace('\\\\', '\\') if path.endswith('.scd') else text for text in found]
