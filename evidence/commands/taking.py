"""How things come in: acquire, register, derive, redact."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import click

from evidence.commands import terminal
from evidence.commands.terminal import AUTHORITY, BEHALF, CLOCK, DIR, ITEM, JSON, PURPOSE, command, options
from evidence.errors import UsageError
from evidence.folder import taking
from evidence.folder.case import Folder
from evidence.folder.taking import Arrival, Made, Source, Taken, Unread
from evidence.records import Scalar

_ARRIVAL = options(
    click.option("--from", "released_by", metavar="NAME", help="Who handed it over."),
    AUTHORITY,
    BEHALF,
    PURPOSE,
    click.option("--received-at", metavar="TIME", help="When you received it, where that was before now: a day, or a time with its zone."),
    CLOCK,
)
_FILE = click.argument("file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))


def _arrival(said: dict[str, str | None]) -> Arrival:
    when = terminal.when(said.pop("received_at"), said.pop("clock"))
    fields: dict[str, Scalar] = {**said}
    return Arrival(fields, when)


@command("acquire", 'evidence acquire folder photos note.txt --from "R. Moss" --authority "Consent form of 22 Nov 2026"')
@DIR
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, allow_dash=True))
@click.option("--name", metavar="NAME", help="The name of what standard input (-) holds.")
@_ARRIVAL
@JSON
def acquire(directory: Path, files: tuple[Path, ...], name: str | None, as_json: bool, **said: str | None) -> None:
    """Hash and seal files as they are read, and record how they came.

    A folder gives all files below it, under names that begin with its own. What cannot be read is named, leaves nothing, and the
    others go on; the exit code is 1 then.
    """
    if (Path("-") in files) != (name is not None):
        raise UsageError("--name says what standard input holds.", "Give both - and --name, or neither.")
    arrival, rows, failed = _arrival(said), [], []
    unread: list[Unread] = []
    with terminal.opening(directory) as found:
        taking.check_outside(found, [file for file in files if file != Path("-")])
        chosen = list(_chosen(files, unread))
        total = sum(path.stat().st_size for _, path in chosen if path != Path("-"))
        sources = (taking.file_source(path, shown) if path != Path("-") else _stdin(name or "") for shown, path in chosen)
        with terminal.progress("Acquiring", total) as progress:
            for one in taking.acquire(found, sources, arrival, progress):
                if isinstance(one, Taken):
                    rows.append(_row(one))
                    _tell(as_json, one)
                else:
                    failed.append(one)
        failed += unread
        for lost in failed:
            click.echo(f"Not acquired: {lost.name}: {lost.reason}", err=True)
        terminal.finish(as_json, found, {"items": rows, "failed": {lost.name: lost.reason for lost in failed}})
    sys.exit(1 if failed else 0)


def _chosen(files: tuple[Path, ...], unread: list[Unread]) -> Iterator[tuple[str, Path]]:
    for file in files:
        if file != Path("-") and file.is_dir():
            yield from taking.files_below(file, unread)
        else:
            yield file.name, file


def _stdin(name: str) -> Source:
    return Source(name, lambda: nullcontext(sys.stdin.buffer), stream=True)


def _row(one: Taken) -> dict[str, Scalar]:
    keyfile = one.keyfile
    return {"item": one.number, "sha256": keyfile.plaintext_digest[7:], "length": keyfile.length, "name": taking.shown(one.name)}


def _tell(as_json: bool, one: Taken) -> None:
    if not as_json:
        click.echo(f"{one.number}  {one.keyfile.plaintext_digest}  {taking.shown(one.name)}")


@command("register", 'evidence register folder --description "USB stick, black" --marks "serial 4C53" --place "Safe 2"')
@DIR
@click.option("--description", metavar="TEXT", required=True, help="What the thing is.")
@click.option("--marks", metavar="TEXT", default="", help="By what it is told from others: serial number, scratches, label.")
@click.option("--condition", metavar="TEXT", default="", help="In what state it came.")
@click.option("--place", metavar="TEXT", default="", help="Where it is kept.")
@_ARRIVAL
@JSON
def register(directory: Path, as_json: bool, **said: str | None) -> None:
    """Take a physical thing into custody: its description is sealed, the thing itself stays where you say."""
    told = {name: said.pop(name) or "" for name in ("description", "marks", "condition", "place")}
    arrival = _arrival(said)
    with terminal.opening(directory) as found:
        one = taking.register(found, told, arrival)
        _tell(as_json, one)
        terminal.finish(as_json, found, {"items": [_row(one)]})


_HOW = options(
    click.option("--tool", "method_tool", metavar="NAME", help="What it was made with. Default: not stated."),
    click.option("--tool-version", "method_version", metavar="TEXT", help="In which version."),
    click.option("--tool-command", "method_command", metavar="TEXT", help="How it was called."),
)


@command("derive", 'evidence derive folder 01 enhanced.png --tool GIMP --tool-version 2.10 --reason "Contrast raised"')
@DIR
@ITEM
@_FILE
@_HOW
@click.option("--reason", "justification", metavar="TEXT", help="What for.")
@JSON
def derive(directory: Path, name: str, file: Path, as_json: bool, **said: str | None) -> None:
    """Take in a file that was made from an item: a working copy, an enhancement, an extract. Both records name each other."""
    with terminal.opening(directory) as found:
        _child(found, "DERIVED", (name, file), said, as_json)


@command("redact", 'evidence redact folder 01 covered.pdf --reason "Names of bystanders covered"')
@DIR
@ITEM
@_FILE
@_HOW
@click.option("--reason", "justification", metavar="TEXT", required=True, help="What was covered, and why.")
@JSON
def redact(directory: Path, name: str, file: Path, as_json: bool, **said: str | None) -> None:
    """Take in a redaction of an item: what may be shown to others. Both records name each other."""
    with terminal.opening(directory) as found:
        _child(found, "REDACTED", (name, file), said, as_json)


def _child(found: Folder, kind: str, what: tuple[str, Path], said: dict[str, str | None], as_json: bool) -> None:
    name, file = what
    fields: dict[str, Scalar] = {"method_tool": None, "method_version": None, "method_command": None, **said}
    parent = found.item(name)
    with terminal.progress(file.name, file.stat().st_size) as progress:
        one = taking.derive(found, parent, Made(kind, taking.file_source(file, file.name), fields), progress)
    _tell(as_json, one)
    terminal.finish(as_json, found, {"kind": kind, "parent": parent.number, "items": [_row(one)]})
