"""The jailed programs run in the test's own process, where what is read is our own Python: a jail costs a quarter of a second a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from evidence.examine import jail
from evidence.examine.copying import Copy, copy_object
from evidence.examine.inside import copying, main
from evidence.examine.inside.entry import Subject, identified
from evidence.examine.inside.frames import Speaker
from evidence.examine.jail import USUAL, Bounds, ChildResult, JailStatus, MemoryFile
from evidence.examine.preview import look_for_traces

Program = Callable[[Subject, Speaker], None]
PROGRAMS: Mapping[str, Program] = {jail.COPY: copying.copy, jail.TRACES: main._traces}


class Kept(Speaker):
    """Keeps the parts instead of writing them."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}
        self.said: set[str] = set()
        self._notes: list[str] = []

    def say(self, part: str, data: bytes | bytearray) -> None:
        self.parts[part] = bytes(data)


def _examine(payload: MemoryFile, request: Mapping[str, Any], program: str = jail.EXAMINE, bounds: Bounds = USUAL) -> ChildResult:
    speaker = Kept()
    with os.fdopen(os.dup(payload.fd), "rb") as file:
        subject = identified(file, request)
        kind = subject.kind
        speaker.say_json("identification", [kind.media_type, kind.label, kind.extension_expected, list(kind.warnings)])
        PROGRAMS[program](subject, speaker)
    return ChildResult(speaker.parts)


@pytest.fixture
def unjailed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run programs here."""
    monkeypatch.setattr(jail, "examine", _examine)
    monkeypatch.setattr(jail, "available", lambda: JailStatus(True, "none, in a test"))


def copy(data: bytes, name: str = "") -> Copy:
    """Make a copy."""
    return copy_object(iter([data]), len(data), name)


def cleaned(made: Copy) -> bytes:
    """The bytes of a copy in which the examiner's own finders find nothing."""
    assert made.data is not None, made.note
    found = look_for_traces(iter([made.data]), len(made.data), f"working-copy.{made.ending}")
    assert (found.looked, found.findings) == ("done", ())
    return made.data
