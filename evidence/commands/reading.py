"""Looking: log, open, examine, label, scrub."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from evidence import verify as verifier
from evidence.commands import terminal
from evidence.commands.terminal import AUTHORITY, DIR, ITEM, JSON, PURPOSE, command
from evidence.errors import EvidenceError, UsageError
from evidence.folder import acts, scrubbing
from evidence.folder.case import CLOCK, Folder
from evidence.folder.item import Item
from evidence.label import label_pdf, label_png
from evidence.records import Opening, Scalar

_SHOWN = (
    *("kind", "occurred_from", "occurred_to", "clock", "name_shown", "parent_exhibit", "actor", "on_behalf_of", "result", "purpose"),
    *("released_by", "received_by", "moved_from", "moved_to", "authority", "justification"),
)


@command("log", "evidence log folder 01")
@DIR
@click.argument("name", metavar="[ITEM]", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="Print all fields as a table for spreadsheets.")
@JSON
def log(directory: Path, name: str | None, as_csv: bool, as_json: bool) -> None:
    """List what was done to the items, every event checked."""
    if as_csv and as_json:
        raise UsageError("--csv and --json are two forms.", "Give one of them.")
    with terminal.opening(directory, writing=False) as found:
        items, failed = ([found.item(name)], {}) if name else _all(found)
        disposed = [item.number for item in items if item.keyfile is None]
        if as_csv:
            placed = sorted((index, event.fields()) for item in items for index, event in item.events)
            click.echo(verifier.events_csv(placed).replace("\r\n", "\n"), nl=False)
        else:
            rows = [_event(item, index, event) for item in items for index, event in item.events]
            known = {exhibit: found.number(at) for at, exhibit in enumerate(found.journal.exhibits)}
            known |= {event.entry().hex(): f"event #{event.field('exhibit_seq')}" for item in items for _, event in item.events}
            lines = [_line(row, known) for row in rows] + [f"       {number}  disposed of" for number in disposed]
            terminal.finish(as_json, found, {"events": rows, "disposed": disposed, "failed": failed}, *lines)
        for number, fault in failed.items():
            click.echo(f"{number}: {fault}", err=True)
    sys.exit(1 if failed else 0)


def _all(found: Folder) -> tuple[list[Item], dict[str, str]]:
    """All items that open, and what is wrong with the others."""
    items: list[Item] = []
    failed: dict[str, str] = {}
    numbers = found.numbers()
    with terminal.progress("Checking", len(numbers)) as progress:
        for number in numbers:
            try:
                items.append(found.item(number))
            except EvidenceError as error:
                failed[number] = str(error)
            progress(1)
    return items, failed | _fault_of_keys(found)


def _event(item: Item, index: int, opening: Opening) -> dict[str, Scalar]:
    values = opening.fields()
    return {"index": index, "item": item.number, "seq": values["exhibit_seq"], **{key: values[key] for key in _SHOWN}}


def _line(row: Mapping[str, Scalar], known: Mapping[str, str]) -> str:
    """One event for people; `known` says what ids and entries stand for."""
    usual = {"kind", "occurred_from"} | ({"occurred_to"} if row["occurred_to"] == row["occurred_from"] else set())
    usual |= {"clock"} if row["clock"] == CLOCK else set()
    detail = "  ".join(f"{key}: {known.get(str(row[key]), row[key])}" for key in _SHOWN if row[key] is not None and key not in usual)
    return f"{row['index']:>5}  {row['item']} #{row['seq']}  {row['occurred_from']}  {row['kind']}  {detail}"


@command("open", 'evidence open folder 01 --to photo.jpg --purpose "Shown to the witness"')
@DIR
@ITEM
@click.option(
    "--to", "target", metavar="FILE", type=click.Path(path_type=Path), required=True, help="A new file, or - for standard output."
)
@PURPOSE
@AUTHORITY
@JSON
def open_(directory: Path, name: str, target: Path, as_json: bool, **said: str | None) -> None:
    """Write an item's original out. That is recorded before the first byte leaves; the file appears whole or not at all."""
    with terminal.opening(directory) as found:
        item = found.item(name)
        if target == Path("-"):
            acts.show(found, item, sys.stdout.buffer, {**said})
            return
        acts.give_out(found, item, target, {**said})
        terminal.finish(as_json, found, {**terminal.row(item), "file": str(target)}, f"{item.number} is in {target}.")


@command("examine", "evidence examine folder 01")
@DIR
@ITEM
@JSON
def examine(directory: Path, name: str, as_json: bool) -> None:
    """Look into a file in a jail: what it is, what does not fit, what it tells of its maker. That is recorded."""
    with terminal.opening(directory) as found:
        item = found.item(name)
        report = acts.examine(found, item)
        kind = report.identification
        lines = [f"{item.number}  {kind.label} ({kind.media_type})"]
        lines += [f"  Warning: {warning}" for warning in kind.warnings]
        lines += [f"  {finding.label}: {finding.value}" for finding in report.findings]
        lines += [f"  {note}" for note in (*report.notes, report.advice) if note]
        facts = {"item": item.number, "state": report.state, "media_type": kind.media_type, "label": kind.label}
        told = [{"kind": finding.kind, "label": finding.label, "value": finding.value} for finding in report.findings]
        more = {"warnings": list(kind.warnings), "findings": told, "notes": list(report.notes)}
        terminal.finish(as_json, found, {**facts, **more}, *lines)
    sys.exit(0 if report.state == "done" else 1)


@command("label", "evidence label folder 03 --to label.pdf")
@DIR
@ITEM
@click.option("--to", "target", metavar="FILE", type=click.Path(path_type=Path), required=True, help="A new file, .png or .pdf.")
@JSON
def label(directory: Path, name: str, target: Path, as_json: bool) -> None:
    """Make a label to stick on a thing: number, digest and day, and a QR code that says the same and which log."""
    ending = target.suffix.lower()
    if ending not in (".png", ".pdf"):
        raise UsageError("A label is a .png or a .pdf file.", "Name the file so.")
    with terminal.opening(directory, writing=False) as found:
        item = found.item(name)
        digest = item.keys().plaintext_digest
        groups = " ".join(digest[7 + at : 11 + at] for at in range(0, 24, 4))
        lines = [item.number, f"sha256 {groups}", str(item.first.field("occurred_from"))[:10]]
        make = label_png if ending == ".png" else label_pdf
        terminal.write_new(target, make(lines, f"{found.origin} {item.number} {digest}"))
        terminal.finish(as_json, found, {"item": item.number, "file": str(target)}, f"The label of {item.number} is in {target}.")


@command("scrub", "evidence scrub folder --share 10 --jobs 4")
@DIR
@click.argument("names", metavar="[ITEM]...", nargs=-1)
@click.option("--share", type=click.IntRange(1, 100), default=100, show_default=True, help="Percent of the items; the next scrub goes on.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="How many items are read at once.")
@JSON
def scrub(directory: Path, names: Sequence[str], share: int, jobs: int, as_json: bool) -> None:
    """Read items again and record whether they are what was acquired. What fails is set apart.

    A scrub that was cut goes on where it was. Exit code 1: something failed.
    """
    with terminal.opening(directory) as found:
        checked = _checked(found, names, share, jobs)
        failed = {one.number: one.fault for one in checked if one.fault} | _fault_of_keys(found)
        verified = sorted(one.number for one in checked if not one.fault)
        unlogged = found.unlogged()
        for number, fault in failed.items():
            click.echo(f"{number}: {fault}", err=True)
        for name in unlogged:
            click.echo(f"objects/{name[:2]}/{name}.age is not in the log: it is no evidence.", err=True)
        facts = {"verified": verified, "failed": failed, "not_in_the_log": unlogged}
        terminal.finish(as_json, found, facts, f"Read again: {len(verified)} as acquired, {len(failed)} not.")
    sys.exit(1 if failed else 0)


def _fault_of_keys(found: Folder) -> dict[str, str]:
    """What is wrong with the events of the folder's own keys, which no item holds and every bundle needs."""
    try:
        found.key_events()
    except EvidenceError as error:
        return {"keys": str(error)}
    return {}


def _checked(found: Folder, names: Sequence[str], share: int, jobs: int) -> list[scrubbing.Checked]:
    if names:
        with terminal.progress("Reading", len(names)) as progress:
            return scrubbing.check(found, [item.number for item in found.items(names)], jobs, progress)
    part = scrubbing.begin(found, share)
    with terminal.progress("Reading", len(scrubbing.numbers_of(found, part))) as progress:
        return list(scrubbing.run(found, part, jobs, progress))
