# SPDX-License-Identifier: MIT
"""Replaces functions of C modules in all modules that have imported them, under any name.

A module may be one that is loaded when it is looked at (importlib.util.LazyLoader), and has ways of
its own to be looked at. So its names are had and set behind its back.
"""

from __future__ import annotations

import sys
import types
from typing import Any, Callable

Function = Callable[..., Any]

_names_of: Callable[..., dict[str, Any]] = vars(types.ModuleType)['__dict__'].__get__


def replace(hooks: list[tuple[Function, Function]]) -> None:
    """(what is there, what is to be there), ... Where it is there already, nothing happens."""
    by_id = {id(old): new for old, new in hooks}
    for module in list(sys.modules.values()):
        names = _names_of(module) if issubclass(type(module), types.ModuleType) else {}
        for name, value in list(names.items()):
            if id(value) in by_id:
                names[name] = by_id[id(value)]
