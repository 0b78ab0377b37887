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


# MAGIC_NO_CHECK_ of COMPRESS, TAR, APPTYPE, ELF, CDF, CSV, TOKENS, JSON (magic.h): what is left compares signatures
_NO_PARSING = 0x1000 | 0x2000 | 0x8000 | 0x10000 | 0x40000 | 0x80000 | 0x100000 | 0x400000


@lru_cache(maxsize=4)
def _teller(mime: bool, signatures_only: bool) -> Any:
    teller = _magic.Magic(mime=mime)
    if signatures_only:
        _magic.magic_setflags(teller.cookie, teller.flags | _NO_PARSING)
    return teller


def media_type(head: bytes, signatures_only: bool = False) -> str | None:
    """What libmagic calls these first bytes; None where it gives up."""
    return _ask(head, True, signatures_only)


def description(head: bytes, signatures_only: bool = False) -> str:
    """libmagic's description in words. It may quote the file: never show it whole."""
    return _ask(head, False, signatures_only) or "data"


def _ask(head: bytes, mime: bool, signatures_only: bool) -> str | None:
    try:
        return str(_teller(mime, signatures_only).from_buffer(head))
    except _magic.MagicException:
        return None
