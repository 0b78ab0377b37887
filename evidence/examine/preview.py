"""The examination of one object: type, preview, traces of its maker, archive list and text, in one run of the jail."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from evidence.examine import answers, jail
from evidence.examine.identify import HEAD, Identification, identify
from evidence.examine.jail import Bounds, ChildResult, MemoryFile
from evidence.examine.media_types import UNKNOWN
from evidence.examine.report import Finding, Preview, Report

DIGESTS = ("md5", "sha1", "sha256")
MOST_TRACES = 1024 * 1024  # of an answer
_ENDINGS = {
    "time": "The examination was stopped: it took too long.",
    "cpu": "The examination was stopped after 5 seconds of work.",
    "memory": "The examination was stopped: it needs more than 512 MB of memory.",
    "talk": "The examination was stopped: it gave more than a preview can hold.",
    "broken": "The examination broke off: the file harmed the program that read it, inside the jail.",
}


def examine_object(chunks: Iterator[bytes], length: int, media_type: str, name: str) -> Report:
    """Examine an opened payload of `length` bytes.

    `media_type` is what the sender called it ("" where unknown); it is compared, never believed. Nothing is raised
    for hostile content: the report's state and notes say how far it went. At most 256 MB enter the jail.
    """
    status = jail.available()
    if not status.ok:
        return _not_examined(chunks, name, status)
    digests = Digests()
    with MemoryFile(digests.of(chunks)) as payload:
        result = jail.examine(payload, {"name": name[:1000], "length": length})
        taken = payload.length
    report = replace(_report(result), jail=status.name, digests=digests.hex() if taken == length else {})
    if taken < length:
        report = replace(report, notes=(*report.notes, f"Only the first {taken // 1_000_000} MB were looked at."))
    return _compare(report, media_type)


class Digests:
    """Three digests of what passes by: lists of known files name them by any. SHA-256 alone is a proof of anything."""

    def __init__(self) -> None:
        self._hashes = [hashlib.new(name, usedforsecurity=False) for name in DIGESTS]

    def of(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Hand the chunks on."""
        for chunk in chunks:
            for one in self._hashes:
                one.update(chunk)
            yield chunk

    def hex(self) -> dict[str, str]:
        """The digests of all that has passed."""
        return {name: one.hexdigest() for name, one in zip(DIGESTS, self._hashes, strict=True)}


@dataclass(frozen=True)
class Traces:
    """What one look for traces found. `looked`: done, no_jail, too_large or failed; without "done" there may be more."""

    looked: Literal["done", "no_jail", "too_large", "failed"]
    findings: tuple[Finding, ...] = ()
    identification: Identification | None = None


def look_for_traces(chunks: Iterator[bytes], length: int, name: str) -> Traces:
    """Look only for what a payload of `length` bytes tells about its maker: one short run of the jail, without picture or text.

    Nothing is raised for hostile content. A reader that broke inside means "failed": what was found is then not all.
    """
    if not jail.available().ok:
        next(chunks, b"")  # once begun, what is behind it closes with it
        return Traces("no_jail")
    with MemoryFile(chunks) as payload:
        if payload.length < length:
            return Traces("too_large")
        result = jail.examine(payload, {"name": name[:1000], "length": length}, jail.TRACES, Bounds(MOST_TRACES))
    try:
        found = answers.findings(result.parts)
        kind = answers.identification(result.parts)
        whole = result.ending == "done" and "findings" in result.parts and not answers.told(result.parts)
    except answers.Disorder:
        return Traces("failed")
    return Traces("done" if whole else "failed", found, kind)


def make_preview(chunks: Iterator[bytes], media_type: str) -> Preview:
    """Make only the preview of a payload whose length is not known beforehand (shorter than 256 MB, else kind "none")."""
    pieces = list(chunks)
    return examine_object(iter(pieces), sum(map(len, pieces)), media_type, "").preview


def _report(result: ChildResult) -> Report:
    sentence = _ENDINGS.get(result.ending, "")
    try:
        kind = answers.identification(result.parts)
        words, whole = answers.text(result.parts)
        report = Report(
            state="failed" if kind is None else "done",
            identification=kind or _unknown(),
            preview=answers.preview(result.parts),
            findings=answers.findings(result.parts),
            facts=answers.facts(result.parts),
            listing=answers.listing(result.parts),
            text=words,
            text_complete=whole and not sentence,
            notes=(*answers.told(result.parts), *((sentence,) if sentence else ())),
        )
    except answers.Disorder:
        return Report("failed", _unknown(), notes=("The examination's answer is not in order. The file may have taken it over.",))
    return report


def _unknown() -> Identification:
    return Identification(UNKNOWN, "unknown data", "")


def _not_examined(chunks: Iterator[bytes], name: str, status: jail.JailStatus) -> Report:
    """Without a jail only signatures in the first bytes are compared; nothing is parsed."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    kind = identify(head, name)
    return Report("no_jail", kind, notes=(f"Not looked into. {status.reason}",), advice=status.advice)


def _compare(report: Report, media_type: str) -> Report:
    """Add a warning where the sender's browser called it something that it is not."""
    called, found = media_type.partition(";")[0].strip().lower(), report.identification.media_type
    families = {called.partition("/")[0], found.partition("/")[0]}
    if called in {"", UNKNOWN, found} or report.state != "done" or len(families) == 1 or not families & {"image", "audio", "video"}:
        return report
    kind = report.identification
    warning = f"Sent as {called}, is {kind.label}."
    return replace(report, identification=replace(kind, warnings=(*kind.warnings, warning)))


def summary(report: Report) -> Mapping[str, str]:
    """The few words that a list or a custody event shows: what it is, and which kinds of traces it holds."""
    kinds = dict.fromkeys(finding.kind for finding in report.findings)
    words = {"gps": "position", "serial": "serial number", "author": "author", "time": "time", "thumbnail": "small picture inside"}
    return {
        "type": report.identification.label,
        "warnings": " ".join(report.identification.warnings),
        "traces": ", ".join(words[kind] for kind in kinds if kind in words),
    }
