"""`evidence`: custody for a lone examiner, and verification for everybody (SPEC section 7).

Exit codes: 0 done, 1 a check failed, 2 bad usage; `verify` also 3: consistent, but vouched for by nobody outside the bundle.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from evidence import bundle, checkpoint, signing
from evidence import verify as verifier
from evidence.errors import EvidenceError, NotFound, UsageError
from evidence.folder.case import VERSION, Act, Folder, Item, create, opened
from evidence.folder.handout import growth_proof, inclusion_proof, write_bundle
from evidence.records import Opening, Scalar

PASSPHRASE_FILE = "EVIDENCE_PASSPHRASE_FILE"  # noqa: S105 - the name of a variable
_SHOWN = ("kind", "occurred_from", "actor", "result", "purpose", "released_by", "received_by", "authority", "justification")
_DIR = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
_ITEMS = click.argument("names", metavar="ITEM...", nargs=-1, required=True)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
_AUTHORITY = click.option("--authority", help="On what authority, for example a warrant and its number.")


class Refused(click.ClickException):
    """An error of the library, as the terminal shows it."""

    def __init__(self, error: EvidenceError) -> None:
        super().__init__(f"{error} {error.next_step}".strip())


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


@click.group(cls=Group)
@click.version_option(VERSION, prog_name="evidence")
def main() -> None:
    """Seal files as evidence, keep their custody in a signed log, and hand them out so that anyone can check them.

    Passphrases are asked for, or read from the file that EVIDENCE_PASSPHRASE_FILE names.
    """


@main.command("init")
@_DIR
@click.option("--examiner", metavar="NAME", help="Who acts, as the record will say. Default: your login name.")
@_JSON
def init(directory: Path, examiner: str | None, as_json: bool) -> None:
    """Make a new folder for evidence."""
    made = create(directory, examiner or getpass.getuser(), _passphrase(confirm=True), _now)
    head = _head(made)
    notice = "Note this fingerprint where receivers of your bundles can find it."
    _say(as_json, head, f"Made {directory}.", f"Log key: {head['log_key']}", notice)


@main.command("acquire")
@_DIR
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--from", "released_by", metavar="NAME", help="Who handed the files over.")
@_AUTHORITY
@_JSON
def acquire(directory: Path, files: tuple[Path, ...], released_by: str | None, authority: str | None, as_json: bool) -> None:
    """Hash and seal files as they are read, and record how they came."""
    fields: dict[str, Scalar] = {"released_by": released_by, "authority": authority}
    rows = []
    with _opened(directory, writing=True) as found:
        for file in files:
            with file.open("rb") as source, _progress(file.name, file.stat().st_size) as progress:
                item = found.acquire(file.name, source, fields, progress)
            rows.append(_row(item))
            if not as_json:
                click.echo(f"{item.number}  {item.keys().plaintext_digest}  {file.name}")
        _finish(as_json, found, {"items": rows})


@main.command("transfer")
@_DIR
@_ITEMS
@click.option("--to", "received_by", metavar="NAME", required=True, help="Who receives the items.")
@click.option("--purpose", help="What for.")
@_AUTHORITY
@_JSON
def transfer(directory: Path, names: Sequence[str], as_json: bool, **said: str | None) -> None:
    """Record, signed, that items were handed over."""
    with _opened(directory, writing=True) as found:
        fields: dict[str, Scalar] = {**said, "released_by": found.keys.examiner}
        found.record("TRANSFERRED", [Act(item.exhibit, item.keys(), fields) for item in _named(found, names)])
        _finish(as_json, found, {"kind": "TRANSFERRED"})


@main.command("dispose")
@_DIR
@_ITEMS
@click.option("--reason", "justification", required=True, help="Why, as the record says until it is destroyed too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_AUTHORITY
@_JSON
def dispose(directory: Path, names: Sequence[str], yes: bool, as_json: bool, **said: str | None) -> None:
    """Destroy items and what their record says; their places in the log stay provable."""
    with _opened(directory, writing=True) as found:
        items = _named(found, names)
        if not yes:
            click.confirm(f"Destroy {', '.join(item.number for item in items)} for good?", abort=True, err=True)
        for item in items:
            found.dispose(item, said)
        _finish(as_json, found, {"kind": "DISPOSED"})


@main.command("scrub")
@_DIR
@_JSON
def scrub(directory: Path, as_json: bool) -> None:
    """Read every item again and record whether it is what was acquired."""
    verified = []
    with _opened(directory, writing=True) as found:
        items, failed = _all(found)
        for item in items:
            try:
                if item.keyfile is not None:
                    found.verify(item)
                    verified.append(item.number)
            except EvidenceError as error:
                failed[item.number] = str(error)
        unlogged = found.unlogged()
        for number, fault in failed.items():
            click.echo(f"{number}: {fault}", err=True)
        for name in unlogged:
            click.echo(f"objects/{name[:2]}/{name}.age is not in the log: it is no evidence.", err=True)
        _finish(as_json, found, {"verified": verified, "failed": failed, "not_in_the_log": unlogged})
    sys.exit(1 if failed else 0)


@main.command("log")
@_DIR
@click.argument("name", metavar="[ITEM]", required=False)
@_JSON
def log(directory: Path, name: str | None, as_json: bool) -> None:
    """List what was done to the items, every event checked."""
    with _opened(directory, writing=False) as found:
        items, failed = (_named(found, [name]), {}) if name else _all(found)
        rows = [_event(item.number, *event) for item in items for event in item.events]
        disposed = [item.number for item in items if item.keyfile is None]
        if not as_json:
            _print_events(rows, disposed)
        for number, fault in failed.items():
            click.echo(f"{number}: {fault}", err=True)
        _finish(as_json, found, {"events": rows, "disposed": disposed, "failed": failed})
    sys.exit(1 if failed else 0)


@main.command("prove")
@_DIR
@click.argument("names", metavar="[ITEM]...", nargs=-1)
@click.option("--since", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Prove that the log grew from this checkpoint.")
@click.option("--to", "out", type=click.Path(path_type=Path), required=True, help="A folder for the files.")
@_JSON
def prove(directory: Path, names: Sequence[str], since: Path | None, out: Path, as_json: bool) -> None:
    """Write what proves that items stood in the log, without their content, and that the log only grew."""
    with _opened(directory, writing=False) as found:
        files = {f"{item.number}.tlog-proof": inclusion_proof(found, item) for item in _named(found, names)}
        files["checkpoint"] = found.note()
        if since is not None:
            files["consistency"] = growth_proof(found, since.read_text("utf-8"))
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            with (out / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        _finish(as_json, found, {"files": sorted(files)})


@main.command("export")
@_DIR
@_ITEMS
@click.option("--to", "out", type=click.Path(path_type=Path), required=True, help="A new folder, or a new .zip file.")
@click.option("--title", default="", help="What the bundle is called in it.")
@_JSON
def export(directory: Path, names: Sequence[str], out: Path, title: str, as_json: bool) -> None:
    """Verify items, record their export, and write a bundle that anyone can check offline."""
    with _opened(directory, writing=True) as found:
        items = _named(found, names)
        with _progress("Verifying", len(items)) as progress:
            write_bundle(found, items, out, title, progress)
        _finish(as_json, found, {"bundle": str(out), "items": [item.number for item in items]})


@main.command("verify")
@click.argument("place", metavar="BUNDLE", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--key", metavar="FINGERPRINT", help="The log key's fingerprint, had from elsewhere.")
@click.option("--attestations", is_flag=True, help="Check the signature of each event too (some milliseconds each).")
@click.option("--published", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A later, published checkpoint.")
@click.option("--proof", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The consistency proof to it.")
@click.option("--bagit", is_flag=True, help="Check any BagIt bag by RFC 8493 alone.")
@_JSON
def verify(place: Path, bagit: bool, as_json: bool, **wanted: Any) -> None:
    """Check a bundle offline: a line a check. Exit 0: all holds and the log key is FINGERPRINT's; 3: no key was given; 1: broken."""
    if bagit:
        errors, warnings = bundle.validate_bag(place)
        lines = [f"FAIL  {text}" for text in errors] + [f"WARN  {text}" for text in warnings]
        _say(as_json, {"valid": not errors, "errors": errors, "warnings": warnings}, *lines, "RESULT " + ("invalid" if errors else "valid"))
        sys.exit(1 if errors else 0)
    if wanted["key"] is not None and not re.fullmatch("SHA256:[A-Za-z0-9+/]{43}", wanted["key"]):
        raise UsageError("A fingerprint looks like SHA256: and 43 letters.", "Copy the whole of it.")
    if (wanted["published"] is None) != (wanted["proof"] is None):
        raise UsageError("--published and --proof belong together.", "Give both, or neither.")
    found = verifier.verify_bundle(place, verifier.Wanted(**wanted))
    code = found.exit_code()
    result = {0: "all holds", 1: "broken", 3: "consistent; give --key to be sure of who signed it"}[code]
    _say(as_json, {"exit": code, "problems": found.problems, "lines": found.lines}, *found.lines, f"RESULT {result}")
    sys.exit(code)


# what the commands share


def _now() -> datetime:
    return datetime.now(UTC)


def _passphrase(confirm: bool = False) -> str:
    path = os.environ.get(PASSPHRASE_FILE)
    if path:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True))


@contextmanager
def _opened(directory: Path, writing: bool) -> Iterator[Folder]:
    if not (directory / "folder.json").is_file():
        raise NotFound(f"{directory} is not an examiner's folder.", "Make one with: evidence init DIR")
    with opened(directory, _passphrase(), _now, writing) as found:
        yield found


@contextmanager
def _progress(name: str, length: int) -> Iterator[Callable[[int], object]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda size: None
        return
    with click.progressbar(length=length, label=name[:40], file=sys.stderr) as bar:
        yield bar.update


def _named(found: Folder, names: Sequence[str]) -> list[Item]:
    by_exhibit = {item.exhibit: item for item in map(found.item, names)}  # an item named twice counts once
    return list(by_exhibit.values())


def _row(item: Item) -> dict[str, Scalar]:
    keyfile, name = item.keys(), item.acquired.field("name_shown")
    return {"item": item.number, "sha256": keyfile.plaintext_digest[7:], "length": keyfile.length, "name": name}


def _all(found: Folder) -> tuple[list[Item], dict[str, str]]:
    """All items that open, and what is wrong with the others."""
    items: list[Item] = []
    failed: dict[str, str] = {}
    for number in found.numbers():
        try:
            items.append(found.item(number))
        except EvidenceError as error:
            failed[number] = str(error)
    return items, failed


def _event(number: str, index: int, opening: Opening) -> dict[str, Scalar]:
    shown = {key: opening.field(key) for key in _SHOWN}
    return {"index": index, "item": number, "seq": opening.field("exhibit_seq"), **shown}


def _print_events(rows: Sequence[Mapping[str, Scalar]], disposed: Sequence[str]) -> None:
    for row in rows:
        detail = "  ".join(f"{key}: {row[key]}" for key in _SHOWN[2:] if row[key] is not None)
        click.echo(f"{row['index']:>5}  {row['item']} #{row['seq']}  {row['occurred_from']}  {row['kind']}  {detail}")
    for number in disposed:
        click.echo(f"       {number}  disposed of")


def _head(found: Folder) -> dict[str, Any]:
    note = found.note()
    return {
        "origin": found.origin,
        "log_key": signing.ssh_fingerprint(found.keys.log.public),
        "size": found.tree.size,
        "checkpoint": checkpoint.short_hash(note),
    }


def _finish(as_json: bool, found: Folder, facts: Mapping[str, Any]) -> None:
    head = _head(found)
    _say(as_json, {**facts, **head}, f"Log: {head['size']} events, checkpoint {head['checkpoint']}")


def _say(as_json: bool, facts: Mapping[str, Any], *lines: str) -> None:
    for line in [json.dumps(facts, ensure_ascii=False)] if as_json else lines:
        click.echo(line)
