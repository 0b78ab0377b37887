"""The folder and its keys: init, keys, passphrase, person."""

from __future__ import annotations

from pathlib import Path

import click

from evidence import signing
from evidence.commands import terminal
from evidence.commands.terminal import DIR, JSON, command
from evidence.folder import person, rotation
from evidence.folder.case import create
from evidence.folder.keyring import ROLES

FILE = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))


@command("init", 'evidence init folder --examiner "Ada Lane"')
@DIR
@click.option("--examiner", metavar="NAME", help="Who acts, as the record will say. Default: your login name.")
@JSON
def init(directory: Path, examiner: str | None, as_json: bool) -> None:
    """Make a new folder for evidence."""
    made = create(directory, terminal.examiner_name(examiner), terminal.passphrase(confirm=True), terminal.now)
    head = terminal.head(made)
    notice = "Note this fingerprint where receivers of your bundles can find it."
    terminal.say(as_json, head, f"Made {directory}.", f"Log key: {head['log_key']}", notice)


@click.group("keys")
def keys() -> None:
    """Show the keys of a folder, or make new ones."""


@keys.command("show", epilog="\b\nExample:\n  evidence keys show folder")
@DIR
@JSON
def show(directory: Path, as_json: bool) -> None:
    """List the signing keys that the log knows, and whether they are in force."""
    with terminal.opening(directory, writing=False) as found:
        ended = {event.field("key_id"): index for index, event in found.key_events() if event.field("kind") != "KEY_ADDED"}
        added = [(index, event) for index, event in found.key_events() if event.field("kind") == "KEY_ADDED"]
        rows = []
        for index, event in added:
            name = str(event.field("key_id"))
            shown = signing.ssh_fingerprint(signing.parse_key_id(name)) if name.startswith("ed25519:") else name
            rows.append({"role": event.field("role"), "key": shown, "added": index, "ended": ended.get(name)})
        lines = [f"{one['role']:<8} {one['key']}  {_state(one['ended'])}" for one in rows]
        terminal.finish(as_json, found, {"keys": rows}, *lines)


def _state(ended: object) -> str:
    return "in force" if ended is None else f"ended with event {ended}"


@keys.command("rotate", epilog='\b\nExample:\n  evidence keys rotate folder --role log --reason "Laptop replaced"')
@DIR
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Which key; may be repeated. Default: all three.")
@click.option("--reason", metavar="TEXT", required=True, help="Why.")
@JSON
def rotate(directory: Path, roles: tuple[str, ...], reason: str, as_json: bool) -> None:
    """Make new signing keys; what the old ones signed still verifies.

    The identity that opens the items stays the same: who had it and the objects can read them for ever.
    """
    with terminal.opening(directory) as found:
        new = rotation.rotate(found, roles or ROLES, reason)
        lines = [f"{role:<8} {fingerprint}" for role, fingerprint in new.items()]
        terminal.finish(as_json, found, {"rotated": new}, *lines)


@command("passphrase", "evidence passphrase folder")
@DIR
@JSON
def passphrase(directory: Path, as_json: bool) -> None:
    """Put the folder under a new passphrase; it is asked for, or read from the file that EVIDENCE_NEW_PASSPHRASE_FILE names.

    Who has an older copy of the folder and the old passphrase can still open that copy.
    """
    with terminal.opening(directory) as found:
        rotation.change_passphrase(found, terminal.passphrase(terminal.NEW_PASSPHRASE_FILE, "New passphrase", confirm=True))
        terminal.finish(as_json, found, {"changed": True}, "The folder is under the new passphrase.")


@click.group("person")
def people() -> None:
    """A key of your own, with which you sign for what you receive or release in somebody else's folder."""


@people.command("init", epilog='\b\nExample:\n  evidence person init stone.key --name "B. Stone"')
@FILE
@click.option("--name", metavar="NAME", required=True, help="Your name, as the records of others will say.")
@JSON
def person_init(file: Path, name: str, as_json: bool) -> None:
    """Make a personal key file under a passphrase."""
    made = person.make(file, name, terminal.passphrase(confirm=True))
    notice = "Note this fingerprint: a bundle tells it beside each receipt that you sign."
    terminal.say(as_json, {"name": name, "key": made.fingerprint}, f"Made {file}.", f"Key of {name}: {made.fingerprint}", notice)


@people.command("show", epilog="\b\nExample:\n  evidence person show stone.key")
@FILE
@JSON
def person_show(file: Path, as_json: bool) -> None:
    """Say whose key it is, and its fingerprint."""
    found = person.read(file)
    terminal.say(as_json, {"name": found.name, "key": found.fingerprint}, f"Key of {found.name}: {found.fingerprint}")
