"""What leaves the folder, and how it is checked: prove, export, stamp, verify."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from evidence import bundle, checkpoint, timestamp
from evidence import verify as verifier
from evidence.commands import terminal
from evidence.commands.terminal import AUTHORITY, DIR, ITEMS, JSON, PURPOSE, command, options
from evidence.errors import UsageError
from evidence.folder import stamps
from evidence.folder.handout import Export, growth_proof, inclusion_proof, write_bundle

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_ROOTS = click.option("--roots", type=_FILE, help="Certificates (PEM) of authorities that you trust: the reply is checked under them.")
_RESULTS = {0: "all holds", 1: "broken", 3: "consistent; give --key to be sure of who signed it"}


@command("prove", "evidence prove folder 01 --since noted-checkpoint --to proof")
@DIR
@click.argument("names", metavar="[ITEM]...", nargs=-1)
@click.option("--since", type=_FILE, help="Prove that the log grew from this checkpoint.")
@click.option("--to", "out", type=click.Path(path_type=Path), required=True, help="A folder for the files.")
@JSON
def prove(directory: Path, names: Sequence[str], since: Path | None, out: Path, as_json: bool) -> None:
    """Write what proves that items stood in the log, without their content, and that the log only grew."""
    with terminal.opening(directory, writing=False) as found:
        files = {f"{item.number}.tlog-proof": inclusion_proof(found, item) for item in found.items(names)}
        files["checkpoint"] = found.note()
        if since is not None:
            files["consistency"] = growth_proof(found, checkpoint.decode_note(since.read_bytes()))
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            terminal.write_new(out / name, text.encode())
        terminal.finish(as_json, found, {"files": sorted(files)})


@command("export", 'evidence export folder 01 02 --to bundle --title "Letter of 3 September" --withhold "actor=work product"')
@DIR
@ITEMS
@click.option("--to", "out", type=click.Path(path_type=Path), required=True, help="A new folder, or a new .zip file.")
@click.option("--title", default="", help="What the bundle is called in it.")
@click.option("--withhold", metavar="FIELD=REASON", multiple=True, help="Keep a field of all events back, and say why; may be repeated.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The day that the bundle bears. Default: today.")
@click.option("--stamp", "url", metavar="URL", help="A time-stamping authority (RFC 3161) to ask for a stamp over the bundle.")
@_ROOTS
@options(click.option("--received-by", metavar="NAME", help="Who is to have it."), PURPOSE, AUTHORITY)
@JSON
def export(directory: Path, names: Sequence[str], out: Path, as_json: bool, **wanted: Any) -> None:
    """Verify items, record their export, and write a bundle that anyone can check offline."""
    withheld = dict(_reason(text) for text in wanted.pop("withhold"))
    title, day, url, roots = (wanted.pop(name) for name in ("title", "day", "url", "roots"))
    with terminal.opening(directory) as found:
        items = found.items(names)
        given: list[bytes] = []

        def stamp(tags: bytes) -> Sequence[bytes]:
            if url and not given:
                given.append(stamps.asked(tags, partial(timestamp.fetch, url), roots, found)[0])
            return given

        with terminal.progress("Verifying", len(items)) as progress:
            write_bundle(found, items, out, Export(title, withheld, wanted, _day(day), stamp), progress)
        terminal.finish(as_json, found, {"bundle": str(out), "items": terminal.numbers(items)}, f"The bundle is in {out}.")


def _reason(text: str) -> tuple[str, str]:
    field, sign, reason = text.partition("=")
    if not sign or not reason.strip():
        raise UsageError(f"--withhold {text[:60]} gives no reason.", "Write it as FIELD=REASON.")
    return field, reason


def _day(told: datetime | None) -> Any:
    return told.date() if told else None


@command("stamp", "evidence stamp folder --url https://tsa.example.org/ --roots roots.pem")
@DIR
@click.option("--url", required=True, help="The time-stamping authority (RFC 3161).")
@_ROOTS
@JSON
def stamp(directory: Path, url: str, roots: Path | None, as_json: bool) -> None:
    """Have the folder's checkpoint stamped by an outside authority. Later bundles carry the newest stamped checkpoint."""
    with terminal.opening(directory) as found:
        words = stamps.stamp(found, partial(timestamp.fetch, url), roots)
        terminal.finish(as_json, found, {"stamp": words}, words)


@command("verify", "evidence verify bundle --key SHA256:OD42K2r1p8To2i8ghGLiHbiVdnwQuA2FVbSTnNqhFLc --attestations")
@click.argument("place", metavar="BUNDLE|FILE", type=click.Path(path_type=Path, exists=True))
@click.option("--key", metavar="FINGERPRINT", help="The log key's fingerprint, had from elsewhere.")
@click.option("--attestations", is_flag=True, help="Check the signature of each event too (some milliseconds each).")
@click.option("--published", type=_FILE, help="A published checkpoint from elsewhere, later or earlier.")
@click.option("--proof", type=_FILE, help="The consistency proof between it and the bundle's.")
@click.option("--published-key", metavar="VKEY", help="The log's key that signed it, where the bundle is older than that key.")
@click.option("--witness", "witnesses", metavar="VKEY", multiple=True, help="A witness that you know; may be repeated.")
@click.option("--ca", type=_FILE, help="Certificates (PEM) of the time-stamping authorities, for openssl ts.")
@click.option("--bagit", is_flag=True, help="Check any BagIt bag by RFC 8493 alone.")
@click.option("--purpose", type=click.Choice(["proof", "claim"]), default="proof", help="What a proof of submission must be for.")
@click.option("--audience", metavar="WORDS", default="", help="For whom it must be made: you, if you asked for it.")
@click.option("--nonce", metavar="WORDS", default="", help="The nonce that you gave when you asked for it.")
@click.option("--file", "files", type=_FILE, multiple=True, help="A file that must be one of its items; may be repeated.")
@click.option("--stamp", "stamps", type=_FILE, multiple=True, help="A time stamp over its checkpoint; may be repeated.")
@JSON
def verify(place: Path, bagit: bool, as_json: bool, **wanted: Any) -> None:
    """Check a bundle, or a proof of submission (a text file, or the text of its QR codes), offline: a line a check.

    Exit 0: all holds and the log key is FINGERPRINT's; 3: no key was given; 1: broken.
    """
    if bagit and not place.is_dir():
        raise UsageError("A bag is a folder.", "Give the folder that holds bagit.txt.")
    if bagit:
        errors, warnings = bundle.validate_bag(place)
        lines = [f"FAIL  {text}" for text in errors] + [f"WARN  {text}" for text in warnings]
        facts = {"valid": not errors, "errors": errors, "warnings": warnings}
        terminal.say(as_json, facts, *lines, "RESULT " + ("invalid" if errors else "valid"))
        sys.exit(1 if errors else 0)
    if wanted["key"] is not None and not re.fullmatch("SHA256:[A-Za-z0-9+/]{43}", wanted["key"]):
        raise UsageError("A fingerprint looks like SHA256: and 43 letters.", "Copy the whole of it.")
    if (wanted["published"] is None) != (wanted["proof"] is None):
        raise UsageError("--published and --proof belong together.", "Give both, or neither.")
    _check_vkeys(wanted["witnesses"], wanted["published_key"])
    asked = verifier.Wanted(**wanted)
    if verifier.misfit(asked, place):
        raise UsageError(f"{verifier.misfit(asked, place)}.", "Leave it out, or name the other thing.")
    found = (verifier.verify_proof if place.is_file() else verifier.verify_bundle)(place, asked)
    code = found.exit_code()
    facts = {"exit": code, "problems": found.problems, "lines": found.lines}
    terminal.say(as_json, facts, *found.lines, f"RESULT {_RESULTS[code]}")
    sys.exit(code)


def _check_vkeys(witnesses: Sequence[str], published_key: str | None) -> None:
    wanted = [(text, b"\4") for text in witnesses] + [(text, b"\1") for text in [published_key] if text]
    for text, kind in wanted:
        try:
            read = verifier.read_vkey(text)[1]
        except verifier.Broken as error:
            raise UsageError(f"{error}.", "Copy the key again: NAME+HASH+KEY.") from error
        if read != kind:
            raise UsageError("A witness has a vkey of kind 4, a log one of kind 1.", "Ask whoever gave it to you which it is.")
