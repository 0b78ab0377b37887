"""Strict JSON and base64url (SPEC 1.4 and 1.5).

    encode(["a", 1, None]) == b'["a",1,null]'

Reading refuses what two parsers could read differently: floats, integers beyond 2^53-1, an object key given
twice, unpaired surrogates, bytes that are not UTF-8 (RFC 8259 section 4 and 8.2; RFC 7493 I-JSON section 2).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring
from typing import Any, NoReturn

from evidence.errors import FormatError

LARGEST_INTEGER = 2**53 - 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_NEXT = "The bytes are damaged or were written by another program."


def encode(value: Any) -> bytes:
    """Return the canonical bytes: no spaces, UTF-8, nothing escaped that need not be, keys in the given order.

    Raises FormatError for a value outside null, bool, integer, text, list, object.
    """
    if value is None:
        return b"null"  # most fields of most events
    if type(value) is str:  # nearly all others
        try:
            return encode_basestring(value).encode()
        except UnicodeEncodeError as error:
            raise _unpaired() from error
    _check(value)
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        raise _unpaired() from error


def decode(data: bytes) -> Any:
    """Return the value of strict JSON bytes; raises FormatError for anything else."""
    try:
        text = data.decode("utf-8")
        value = _STRICT.decode(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise FormatError(f"not strict JSON: {error}", _NEXT) from error
    _check(value)
    if "\\u" in text:  # nothing else writes a surrogate in UTF-8
        encode(value)
    return value


def b64url(data: bytes) -> str:
    """Return base64url without padding (RFC 4648 section 5)."""
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE).rstrip(b"=").decode("ascii")


def b64urls(parts: Sequence[bytes]) -> list[str]:
    """Return `b64url` of each of several byte strings of one length, for little more than the price of one."""
    length = len(parts[0]) if parts else 0
    if any(len(part) != length for part in parts):
        raise ValueError("the parts differ in length")
    if not length:
        return [""] * len(parts)
    padding, letters = bytes(-length % 3), -(-length * 8 // 6)
    written = binascii.b2a_base64(padding.join([*parts, b""]), newline=False).translate(_URL_SAFE).decode("ascii")
    step = (length + len(padding)) // 3 * 4
    return [written[start : start + letters] for start in range(0, step * len(parts), step)]


def unb64url(text: str) -> bytes:
    """Return the bytes of base64url without padding.

    Raises FormatError for padding, other letters, or stray bits: each byte string has exactly one spelling.
    """
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise FormatError(f"not base64url: {text[:40]!r}", _NEXT) from error
    if b64url(data) != text:
        raise FormatError(f"not the canonical base64url of its bytes: {text[:40]!r}", _NEXT)
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object key stands twice")
    return found


def _refuse_float(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not an integer")


def _integer(text: str) -> int:
    if len(text) > 17 or text == "-0":
        raise ValueError(f"{text[:40]} is out of range")
    return int(text)


# made once: an opening has 38 values, each read on its own
_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_float=_refuse_float, parse_constant=_refuse_float, parse_int=_integer)


def _check(value: Any) -> None:
    """Refuse what strict JSON has no place for, but for the letters of a text, which are checked as they are written."""
    if value is None or isinstance(value, str | bool):  # before `int`, of which bool is a kind
        return
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise FormatError(f"an integer beyond 2^53-1: {value}", "Write it as text.")
    elif isinstance(value, list | tuple):
        _check_all(value)
    elif isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise FormatError("an object key that is not text", "Use text as keys.")
        _check_all(value.values())
    else:
        raise FormatError(f"a {type(value).__name__} has no place in strict JSON", "Use null, true, false, integers, text, lists, objects.")


def _check_all(values: Iterable[Any]) -> None:
    for value in values:
        if type(value) is not str:  # nearly all are
            _check(value)


def _unpaired() -> FormatError:
    return FormatError("text with an unpaired surrogate", "File names that are not UTF-8 go into name_b64.")
