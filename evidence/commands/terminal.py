"""What the commands share: errors in words, passphrases, progress, JSON, and options that mean the same everywhere."""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import update_wrapper
from pathlib import Path
from typing import Any

import click

from evidence import checkpoint, signing
from evidence.errors import AlreadyThere, EvidenceError, UsageError
from evidence.folder.case import Folder, When, opened
from evidence.folder.item import Item
from evidence.records import Scalar

PASSPHRASE_FILE = "EVIDENCE_PASSPHRASE_FILE"  # noqa: S105 - the name of a variable
NEW_PASSPHRASE_FILE = "EVIDENCE_NEW_PASSPHRASE_FILE"  # noqa: S105 - the same
DIR = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
ITEM = click.argument("name", metavar="ITEM")
ITEMS = click.argument("names", metavar="ITEM...", nargs=-1, required=True)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
AUTHORITY = click.option("--authority", metavar="TEXT", help="On what authority, for example a warrant and its number.")
PURPOSE = click.option("--purpose", metavar="TEXT", help="What for.")
BEHALF = click.option("--on-behalf-of", metavar="NAME", help="For whom you act.")
CLOCK = click.option("--clock", metavar="TEXT", help="By which clock that time was read, and how that clock was compared.")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
AnyFunction = Callable[..., Any]


class Refused(click.ClickException):
    """An error of the library, as the terminal shows it."""

    def __init__(self, error: EvidenceError) -> None:
        words = str(error)
        stop = "" if words.endswith((".", "?", "!")) else "."
        super().__init__(f"{words[:1].upper()}{words[1:]}{stop} {error.next_step}".strip())


class Misused(Refused):
    """The same, where the command was used in a way that makes no sense."""

    exit_code = 2


class Group(click.Group):
    """Turns the library's errors into words and exit codes, in one place."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise Misused(error) from error
        except EvidenceError as error:
            raise Refused(error) from error
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'The system'}: {error.strerror}") from error


def command(name: str, example: str) -> Callable[[AnyFunction], click.Command]:
    """A command whose help ends with an example."""
    return click.command(name, epilog=f"\b\nExample:\n  {example}")


def options(*added: Callable[[AnyFunction], AnyFunction]) -> Callable[[AnyFunction], AnyFunction]:
    """Several options as one decorator, shown in this order."""

    def apply(function: AnyFunction) -> AnyFunction:
        for option in reversed(added):
            function = option(function)
        return update_wrapper(function, function)

    return apply


def now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


def passphrase(variable: str = PASSPHRASE_FILE, prompt: str = "Passphrase", confirm: bool = False) -> str:
    """From the file that the variable names, else asked for. UsageError where there is nobody to ask."""
    path = os.environ.get(variable)
    if path:
        try:
            return Path(path).read_text("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} holds no text.", "A passphrase is written in UTF-8.") from error
    if sys.stdin is sys.__stdin__ and not _has_terminal():
        raise UsageError("There is no terminal to ask for the passphrase.", f"Run it in a terminal, or name a file in {variable}.")
    return str(_asked(lambda: click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True), f"name a file in {variable}"))


def confirm(question: str) -> None:
    """Goes on only after a yes. Aborts on a no; UsageError where there is nobody to ask."""
    if not _asked(lambda: click.confirm(question, err=True), "say --yes"):
        raise click.Abort


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _asked(ask: Callable[[], Any], otherwise: str) -> Any:
    try:
        return ask()
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError("There is no terminal to ask.", f"Run it in a terminal, or {otherwise}.") from None


@contextmanager
def opening(directory: Path, writing: bool = True) -> Iterator[Folder]:
    """The folder, for one command."""
    with opened(directory, passphrase(), now, writing) as found:
        yield found


@contextmanager
def progress(name: str, length: int) -> Iterator[Callable[[int], object]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda size: None
        return
    with click.progressbar(length=length, label=name[:40], file=sys.stderr) as bar:
        yield bar.update


def when(told: str | None, clock: str | None) -> When | None:
    """From an earlier time until now; None where no time was told. UsageError."""
    if told is None:
        if clock is not None:
            raise UsageError("--clock says by what the time was read; no time was given.", "Give the time too.")
        return None
    return When(_moment(told), _moment_of(now()), clock or "as stated by the examiner; until: system clock, UTC")


def _moment(told: str) -> str:
    try:
        if _DAY.fullmatch(told):
            day = date.fromisoformat(told)
            if day > now().date():
                raise UsageError(f"{told} is still to come.", "Give the day on which it was.")
            return told
        moment = datetime.fromisoformat(told)
    except ValueError as error:
        raise UsageError(f"{told[:40]} is no time.", "Write it as 2026-03-02 or 2026-03-02T14:05:00+01:00.") from error
    if moment.tzinfo is None:
        raise UsageError(f"{told[:40]} lacks its time zone.", "Write it as 2026-03-02T14:05:00+01:00.")
    if moment > now():
        raise UsageError(f"{told[:40]} is still to come.", "Give the time at which it was.")
    return _moment_of(moment)


def _moment_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_new(path: Path, data: bytes) -> None:
    """Writes a file that is not there yet. AlreadyThere."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise AlreadyThere(f"{path} is there already.", "Choose a new name.") from error


def examiner_name(given: str | None) -> str:
    """The name given, or that of the login."""
    return given or getpass.getuser()


def row(item: Item) -> dict[str, Scalar]:
    """An item as the lists show it."""
    keyfile = item.keys()
    return {"item": item.number, "sha256": keyfile.plaintext_digest[7:], "length": keyfile.length, "name": item.first.field("name_shown")}


def head(found: Folder) -> dict[str, Any]:
    """The head of the log."""
    note = found.note()
    return {
        "origin": found.origin,
        "log_key": signing.ssh_fingerprint(found.keys.log.public),
        "size": found.journal.tree.size,
        "checkpoint": checkpoint.short_hash(note),
    }


def finish(as_json: bool, found: Folder, facts: Mapping[str, Any], *lines: str) -> None:
    """Says what was done, and the head of the log after it."""
    said = head(found)
    say(as_json, {**facts, **said}, *lines, f"Log: {said['size']} events, checkpoint {said['checkpoint']}")


def say(as_json: bool, facts: Mapping[str, Any], *lines: str) -> None:
    """One JSON object, or lines for people."""
    for line in [json.dumps(facts, ensure_ascii=False)] if as_json else lines:
        click.echo(line)


def numbers(items: Sequence[Item]) -> list[str]:
    """The numbers of items."""
    return [item.number for item in items]
