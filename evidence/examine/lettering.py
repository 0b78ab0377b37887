"""Words read in pictures on demand, in the jail, where the optional extra `ocr` is installed.

read_pictures(chunks, length, "scan.pdf")   ->   Lettering("done", "Send 1,200 ...", "rapidocr-onnxruntime 1.4.4", "")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal

from evidence.examine import answers, jail
from evidence.examine.jail import Bounds, ChildResult, MemoryFile

ADVICE = 'Install the extra "ocr": pip install "tipline[ocr]", in the environment of the worker and of the console.'
_BOUNDS = Bounds(most_answer=8 * 1024 * 1024, seconds=120.0, limits="enter_reading")
_ENDINGS = {
    "no jail": "There is no jail on this machine.",
    "time": "It took too long.",
    "cpu": "It took more than 90 seconds of work.",
    "memory": "It needs more than 1.5 GB of memory.",
    "talk": "It found more words than can be kept.",
    "broken": "The file harmed the program that read it, inside the jail.",
}


@dataclass(frozen=True)
class Lettering:
    """What was read. `state` "failed": nothing; `note` says why, or what was left out."""

    state: Literal["done", "failed"]
    words: str = field(default="", repr=False)
    engine: str = ""
    note: str = ""


def installed() -> bool:
    """Whether the engine is there."""
    return find_spec("rapidocr_onnxruntime") is not None


def read_pictures(chunks: Iterator[bytes], length: int, name: str) -> Lettering:
    """Read the words in an opened payload of `length` bytes. Nothing is raised for hostile content."""
    if not installed():
        next(chunks, b"")  # once begun, what is behind it closes with it
        return Lettering("failed", note=ADVICE)
    with MemoryFile(chunks) as payload:
        if payload.length < length:
            return Lettering("failed", note=f"It is larger than {jail.MOST_BYTES // 1_000_000} MB.")
        result = jail.examine(payload, {"name": name[:1000], "length": length}, jail.READ, _BOUNDS)
    try:
        return _lettering(result)
    except answers.Disorder:
        return Lettering("failed", note="The answer is not in order. The file may have taken the program over.")


def _lettering(result: ChildResult) -> Lettering:
    words, _ = answers.text(result.parts)
    engine = next((fact.value for fact in answers.facts(result.parts) if fact.label == "Engine"), "")
    note = " ".join((*answers.told(result.parts), *([_ENDINGS[result.ending]] if result.ending != "done" else [])))
    state: Literal["done", "failed"] = "done" if words or (result.ending == "done" and not note) else "failed"
    return Lettering(state, words, engine, note)
