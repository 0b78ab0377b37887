"""What is done to items: transfer, move, note, hold, release, quarantine, correct, dispose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from evidence.commands import terminal
from evidence.commands.terminal import AUTHORITY, BEHALF, CLOCK, DIR, ITEM, ITEMS, JSON, PURPOSE, command, options
from evidence.errors import UsageError
from evidence.folder import acts, person
from evidence.folder.acts import Handover, Signer
from evidence.records import Scalar

RECEIVER_PASSPHRASE_FILE = "EVIDENCE_RECEIVER_PASSPHRASE_FILE"  # noqa: S105 - the name of a variable
RELEASER_PASSPHRASE_FILE = "EVIDENCE_RELEASER_PASSPHRASE_FILE"  # noqa: S105 - the same
_KEY = click.Path(path_type=Path, exists=True, dir_okay=False)
_REASON = click.option("--reason", "justification", metavar="TEXT", required=True, help="Why.")


@command("transfer", 'evidence transfer folder 01 --to "B. Stone" --receiver-key stone.key --purpose "Handwriting comparison"')
@DIR
@ITEMS
@click.option("--to", "received_by", metavar="NAME", required=True, help="Who receives the items.")
@click.option("--from", "released_by", metavar="NAME", help="Who hands them over. Default: you.")
@click.option("--receiver-key", type=_KEY, help="The receiver's personal key file: they sign, with their own passphrase.")
@click.option("--releaser-key", type=_KEY, help="The same of who hands over, where that is somebody else.")
@click.option("--confirmed-by", metavar="TEXT", help="How the other side confirmed, where they have no key: you state it.")
@options(
    click.option("--moved-from", metavar="PLACE", help="Where the items were."),
    click.option("--moved-to", metavar="PLACE", help="Where they are now."),
)
@click.option("--at", metavar="TIME", help="When, where that was before now: a day, or a time with its zone.")
@options(CLOCK, PURPOSE, AUTHORITY, BEHALF)
@JSON
def transfer(directory: Path, names: Sequence[str], as_json: bool, **said: str | None) -> None:
    """Record, signed, that items were handed over, and how both sides confirmed.

    You always sign. The other side signs too with a key of their own (--receiver-key, --releaser-key; see evidence person init), or
    you state how they confirmed. Without either the record says "not confirmed".
    """
    when = terminal.when(said.pop("at"), said.pop("clock"))
    receiver = _signer(said.pop("receiver_key"), RECEIVER_PASSPHRASE_FILE)
    releaser = _signer(said.pop("releaser_key"), RELEASER_PASSPHRASE_FILE)
    released_by, received_by, statement = said.pop("released_by"), said.pop("received_by") or "", said.pop("confirmed_by")
    with terminal.opening(directory) as found:
        fields: dict[str, Scalar] = {**said}
        handover = Handover(released_by or found.keys.examiner, received_by, fields, releaser, receiver, statement, when)
        acts.transfer(found, found.items(names), handover)
        terminal.finish(as_json, found, {"kind": "TRANSFERRED"})


def _signer(file: str | Path | None, variable: str) -> Signer | None:
    if file is None:
        return None
    found = person.read(Path(file))
    return Signer(found, found.key(terminal.passphrase(variable, f"Passphrase of {found.name}")))


@command("move", 'evidence move folder 03 --to "Safe 2" --from "Desk drawer"')
@DIR
@ITEMS
@click.option("--to", "moved_to", metavar="PLACE", required=True, help="Where the items are now.")
@click.option("--from", "moved_from", metavar="PLACE", help="Where they were.")
@PURPOSE
@JSON
def move(directory: Path, names: Sequence[str], as_json: bool, **said: str | None) -> None:
    """Record that items are at another place, in the same hands."""
    with terminal.opening(directory) as found:
        acts.move(found, found.items(names), {**said})
        terminal.finish(as_json, found, {"kind": "TRANSFERRED"})


@command("note", 'evidence note folder 03 --kind EXAMINED --result "Read on a write blocker" --tool Guymager --tool-version 0.8.13')
@DIR
@ITEMS
@click.option("--kind", type=click.Choice(acts.NOTED), required=True, help="What was done.")
@click.option("--result", metavar="TEXT", required=True, help="What came of it.")
@options(
    click.option("--tool", "method_tool", metavar="NAME", help="By what means."),
    click.option("--tool-version", "method_version", metavar="TEXT", help="In which version."),
    click.option("--tool-command", "method_command", metavar="TEXT", help="How it was called."),
)
@click.option("--at", metavar="TIME", help="When, where that was before now: a day, or a time with its zone.")
@options(CLOCK, PURPOSE, AUTHORITY, BEHALF)
@JSON
def note(directory: Path, names: Sequence[str], kind: str, as_json: bool, **said: str | None) -> None:
    """Record what was done to items outside of this program: a look at a thing, a new seal on its bag, an image made of it."""
    when = terminal.when(said.pop("at"), said.pop("clock"))
    with terminal.opening(directory) as found:
        acts.note(found, found.items(names), kind, {"method_tool": None, "method_version": None, **said}, when)
        terminal.finish(as_json, found, {"kind": kind})


@command("hold", 'evidence hold folder 01 02 --authority "Preservation letter of 1 Dec 2026" --reason "Pending suit"')
@DIR
@ITEMS
@_REASON
@click.option("--authority", metavar="TEXT", required=True, help="On what authority.")
@JSON
def hold(directory: Path, names: Sequence[str], as_json: bool, **said: str | None) -> None:
    """Keep items from being disposed of until the hold is released."""
    with terminal.opening(directory) as found:
        acts.hold(found, found.items(names), {**said})
        terminal.finish(as_json, found, {"kind": "HELD"})


@command("release", 'evidence release folder 01 --authority "Letter of 4 Mar 2027" --reason "Suit settled"')
@DIR
@ITEM
@click.option("--hold", "seq", type=int, metavar="N", help="Which hold: the number of its event, where there are several.")
@_REASON
@click.option("--authority", metavar="TEXT", required=True, help="On what authority.")
@JSON
def release(directory: Path, name: str, seq: int | None, as_json: bool, **said: str | None) -> None:
    """End a hold."""
    with terminal.opening(directory) as found:
        acts.release(found, found.item(name), seq, {**said})
        terminal.finish(as_json, found, {"kind": "RELEASED"})


@command("quarantine", 'evidence quarantine folder 02 --reason "May be infected"')
@DIR
@ITEMS
@click.option("--reason", metavar="TEXT", required=True, help="Why.")
@click.option("--end", is_flag=True, help="End it: each item is read whole first, and must be as it was acquired.")
@JSON
def quarantine(directory: Path, names: Sequence[str], reason: str, end: bool, as_json: bool) -> None:
    """Set items apart: they are neither opened, handed on nor exported until you end it."""
    with terminal.opening(directory) as found:
        (acts.end_quarantine if end else acts.quarantine)(found, found.items(names), reason)
        terminal.finish(as_json, found, {"kind": "VERIFIED" if end else "QUARANTINED"})


@command("correct", 'evidence correct folder 01 --event 2 --right "Received by C. Stone" --reason "Misspelt"')
@DIR
@ITEM
@click.option("--event", "seq", type=int, metavar="N", required=True, help="Which event of the item was wrong.")
@click.option("--right", metavar="TEXT", required=True, help="What is right.")
@click.option("--reason", "why", metavar="TEXT", required=True, help="Why it was wrong.")
@JSON
def correct(directory: Path, name: str, as_json: bool, **said: Any) -> None:
    """Say what is right where the record was wrong. Nothing is edited: both stay."""
    with terminal.opening(directory) as found:
        acts.correct(found, found.item(name), **said)
        terminal.finish(as_json, found, {"kind": "CORRECTED"})


@command("dispose", 'evidence dispose folder 02 --authority "Order of the court of 1 Dec 2026" --reason "Retention is over"')
@DIR
@ITEMS
@click.option("--reason", "justification", metavar="TEXT", required=True, help="Why, as the record says until it is destroyed too.")
@click.option("--authority", metavar="TEXT", required=True, help="On what authority.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON
def dispose(directory: Path, names: Sequence[str], yes: bool, as_json: bool, **said: str | None) -> None:
    """Destroy items and what their record says; their places in the log stay provable. Refused while one is on hold."""
    with terminal.opening(directory) as found:
        items = found.items(names)
        for item in items:
            if item.keyfile is None:
                raise UsageError(f"{item.number} was disposed of before.", "Leave it out.")
        if not yes:
            terminal.confirm(f"Destroy {', '.join(terminal.numbers(items))} for good?")
        acts.dispose(found, items, {**said})
        terminal.finish(as_json, found, {"kind": "DISPOSED", "items": terminal.numbers(items)})
