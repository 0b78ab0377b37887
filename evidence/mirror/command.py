"""`evidence mirror`: keep a copy of somebody's log, and be the one who notices when it is changed."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from evidence.checkpoint import parse_vkey, short_hash
from evidence.errors import UsageError
from evidence.mirror.checking import check
from evidence.mirror.copy import Copy
from evidence.mirror.cosigner import open_cosigner
from evidence.mirror.following import follow, http_source

PASSPHRASE_FILE = "EVIDENCE_PASSPHRASE_FILE"  # noqa: S105  the name of a variable


@click.command(
    "mirror", epilog="\b\nExample:\n  evidence mirror https://tips.example.org/log copy --key tips.example.org/log+ee049c80+ARdF..."
)
@click.argument("places", metavar="[URL] DIR", nargs=-1, required=True)
@click.option("--key", "keys", metavar="VKEY", multiple=True, help="The log's key, NAME+HASH+KEY; twice while it changes its key.")
@click.option("--check", "checking", is_flag=True, help="Read the copy in DIR again, from every entry to the signed root. Asks nobody.")
@click.option("--cosign", metavar="NAME", help="Sign what was taken as witness NAME, and write checkpoint.cosigned.")
@click.option("--timeout", type=click.FloatRange(1, 600), default=30.0, show_default=True, help="Seconds for each file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def mirror(places: tuple[str, ...], keys: tuple[str, ...], checking: bool, as_json: bool, **more: Any) -> None:
    """Copy the log at URL to DIR and refuse it if it did not only grow. With --check, verify the copy.

    The mirror is as it was after anything is refused, and what was refused is kept beside it.
    """
    given = [parse_vkey(key) for key in keys]
    if checking:
        if len(places) != 1 or more["cosign"]:
            raise click.UsageError("--check takes one DIR and signs nothing.")
        folder = Path(places[0])
        head = check(folder, given or Copy(folder).keys(), _Count())
        _say(as_json, _facts(folder, head.note), "The copy is whole: every entry leads to the signed checkpoint.")
        return
    if len(places) != 2 or not given:
        raise click.UsageError("Name the log's address, a folder, and the log's key: evidence mirror URL DIR --key VKEY")
    folder = Path(places[1])
    found = follow(http_source(places[0], more["timeout"]), folder, given, _Count())
    facts = {**_facts(folder, found.note), "new": found.size - found.before}
    lines = [f"{found.size - found.before} new events."]
    if more["cosign"]:
        facts |= _cosign(folder, more["cosign"], found.note)
        lines.append(f"Signed as {facts['witness']}: give {folder / 'checkpoint.cosigned'} to the log's keeper.")
    _say(as_json, facts, *lines)


def _cosign(folder: Path, name: str, note: str) -> dict[str, Any]:
    cosigner = open_cosigner(folder, name, _passphrase)
    Copy(folder).write("checkpoint.cosigned", (note + cosigner.line(note, int(time.time()))).encode())
    return {"witness": cosigner.vkey.text, "cosigned": str(folder / "checkpoint.cosigned")}


def _facts(folder: Path, note: str) -> dict[str, Any]:
    origin, size = note.split("\n")[:2]
    return {"origin": origin, "size": int(size), "checkpoint": short_hash(note), "folder": str(folder)}


def _say(as_json: bool, facts: dict[str, Any], *lines: str) -> None:
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)
    click.echo(f"{facts['origin']}: {facts['size']} events, checkpoint {facts['checkpoint']}")


def _passphrase(fresh: bool) -> str:
    """The passphrase of the cosigner's key: from the file that EVIDENCE_PASSPHRASE_FILE names, else asked for."""
    path = os.environ.get(PASSPHRASE_FILE)
    if path:
        try:
            return Path(path).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{PASSPHRASE_FILE} names {path}, which can't be read.", "Name a text file with the passphrase.") from error
    return str(click.prompt("Passphrase of the witness's key", hide_input=True, confirmation_prompt=fresh, err=True))


class _Count:
    """Tells on the terminal how many events are done, where there is one."""

    def __init__(self) -> None:
        self.done = 0
        self.shown = sys.stderr.isatty()

    def __call__(self, count: int) -> None:
        self.done += count
        if self.shown:
            click.echo(f"\r{self.done} events", nl=False, err=True)
