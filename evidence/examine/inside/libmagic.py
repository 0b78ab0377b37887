"""The door to libmagic: the library that `pylibmagic` carries, so that labels are the same on every machine.

python-magic looks for the library by starting a compiler (ctypes.util.find_library), which is slow, needs a temporary
folder and is impossible in the jail. The name of the carried library is put in its mouth instead.
"""

from __future__ import annotations

import ctypes.util
import importlib
import sys
from functools import lru_cache
from typing import Any

import pylibmagic  # noqa: F401  (must come before magic: it names the folder that ctypes loads from)


def _load() -> Any:
    search = ctypes.util.find_library
    if sys.platform == "linux":
        ctypes.util.find_library = lambda name: "libmagic.so.1" if name == "magic" else search(name)
    try:
        return importlib.import_module("magic")
    finally:
        ctypes.util.find_library = search


_magic = _load()


@lru_cache(maxsize=2)
def _teller(mime: bool) -> Any:
    return _magic.Magic(mime=mime)


def media_type(head: bytes) -> str | None:
    """What libmagic calls these first bytes; None where it gives up."""
    return _ask(head, True)


def description(head: bytes) -> str:
    """libmagic's description in words. It may quote the file: never show it whole."""
    return _ask(head, False) or "data"


def _ask(head: bytes, mime: bool) -> str | None:
    try:
        return str(_teller(mime).from_buffer(head))
    except _magic.MagicException:
        return None
