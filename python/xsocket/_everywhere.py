# SPDX-License-Identifier: MIT
"""Replaces functions of C modules in all modules that have imported them, under any name."""

from __future__ import annotations

import sys
from typing import Any, Callable

Function = Callable[..., Any]


def replace(hooks: list[tuple[Function, Function]]) -> None:
    """(what is there, what is to be there), ... Where it is there already, nothing happens."""
    by_id = {id(old): new for old, new in hooks}
    for module in list(sys.modules.values()):
        names = getattr(module, '__dict__', None)
        for name, value in list(names.items()) if isinstance(names, dict) else ():
            if id(value) in by_id:
                setattr(module, name, by_id[id(value)])
