"""What leaves an examiner's folder: proofs, and bundles (SPEC 7.4 and 7.5)."""

from __future__ import annotations

import base64
import functools
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from evidence import bundle, checkpoint, custody, merkle, records
from evidence.errors import AlreadyThere, IntegrityError, UsageError
from evidence.folder.acts import verify
from evidence.folder.case import Act, Folder, Part
from evidence.folder.durable import room, sync_folder
from evidence.folder.item import Item
from evidence.folder.stamps import newest
from evidence.records import Opening, Scalar

PROVED = ("event_id", "act_id", "kind", "occurred_from", "occurred_to", "clock", "plaintext_after", "length_after")
NEEDED = ("kind", "act_id", "act_size", "manifest", "plaintext_after", "length_after", *records.NEVER_WITHHELD)
PHYSICAL = "physical: the thing itself is held, not copied"


@dataclass(frozen=True)
class Export:
    """What a bundle is to be: its title, what is kept back and why (by field), the further fields of EXPORTED, and its day."""

    title: str = ""
    withheld: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    day: date | None = None
    stamp: Callable[[bytes], Sequence[bytes]] = bundle.no_stamps


def inclusion_proof(found: Folder, item: Item) -> str:
    """C2SP tlog-proof of the item's first event; its extra data are that event's custody line with nobody's name disclosed."""
    item.keys()
    index, opening = item.events[0]
    hidden = set(records.FIELDS) - set(PROVED) - set(records.NEVER_WITHHELD)
    event = custody.disclose(opening, dict.fromkeys(hidden | {custody.SIGNATURES}, "not needed for the proof")).placed(index, ())
    extra = base64.b64encode(custody.encode_event(event).encode()).decode()
    path = [base64.b64encode(part).decode() for part in found.journal.tree.inclusion(index)]
    return "\n".join(["c2sp.org/tlog-proof@v1", f"extra {extra}", f"index {index}", *path, "", found.note()])


def growth_proof(found: Folder, note: str) -> str:
    """The consistency file from an older checkpoint of this log to its present one. IntegrityError where it did not grow from it."""
    publics = (found.keys.log.public, *reversed(found.keys.former))
    old = checkpoint.open_note(note, [checkpoint.Vkey(found.origin, checkpoint.ED25519, public) for public in publics])
    tree = found.journal.tree
    if old.size > tree.size or tree.root(old.size) != old.root:
        raise IntegrityError("The log did not grow from this checkpoint.", "Find out what was changed before anything else is done.")
    return checkpoint.encode_consistency(old.size, tree.size, tree.consistency(old.size))


def write_bundle(found: Folder, items: Sequence[Item], out: Path, export: Export, progress: Callable[[int], object]) -> None:
    """Verifies the items, records their export, and writes the bundle: a new folder, or a new file where `out` ends in .zip.

    `progress` is told of each item. AlreadyThere, IntegrityError, Barred, UsageError for a field that a bundle cannot do without.
    Nothing is at `out` unless the bundle is whole.
    """
    wrong = sorted(set(export.withheld) - set(records.FIELDS) - {custody.SIGNATURES} | set(export.withheld) & set(NEEDED))
    if wrong:
        raise UsageError(
            f"These cannot be withheld: {', '.join(wrong)}.", "A bundle does not verify without them, or there is no such field."
        )
    if out.exists() or out.is_symlink():
        raise AlreadyThere(f"{out} is there already.", "Choose a new name.")
    for item in items:
        item.check_free()
    verify(found, items, progress=progress)
    with _place(found, out) as place, room("the bundle"):
        made = place / (out.stem if out.suffix == ".zip" else out.name)
        made.mkdir()
        _fill(found, items, made, export)
        if out.suffix == ".zip":
            packed = place / "packed"
            with packed.open("xb") as file:
                bundle.pack(made, file)
                file.flush()
                os.fsync(file.fileno())
            made = packed
        made.rename(out)
        sync_folder(out.absolute().parent)


@contextmanager
def _place(found: Folder, out: Path) -> Iterator[Path]:
    """A folder beside the target for what is not whole yet. One that a crash left is this folder's own: it is removed first."""
    place = out.absolute().parent / f".export-{found.origin}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _fill(found: Folder, items: Sequence[Item], made: Path, export: Export) -> None:
    case: dict[str, Scalar] = {"title": export.title, "examiner": found.keys.examiner}
    files = [_exhibit(found, item) for item in items if not item.physical]
    things = [bundle.BundleException(item.exhibit, item.number, PHYSICAL) for item in items if item.physical]
    digest = bundle.write_payload(made, files, case, things)
    told: dict[str, Scalar] = {**export.fields, "manifest": digest, "result": "exported"}
    found.record([Act("EXPORTED", "export", [Part(item.exhibit, item.keys(), told) for item in items])])
    tree = found.journal.tree
    events = {item.exhibit: [_placed(tree, *event, export.withheld) for event in found.item(item.number).events] for item in items}
    keys = [_placed(tree, *event, {}) for event in found.key_events()]
    day = export.day or found.clock().date()
    seal = bundle.BundleSeal(events, keys, found.note(), found.keys.log, found.origin, day, _published(found), export.stamp)
    bundle.finish_bundle(made, seal)


def _published(found: Folder) -> bundle.Published | None:
    """The newest checkpoint of this folder that an authority stamped, and how the log grew from it."""
    stamped = newest(found)
    return bundle.Published(stamped.note, growth_proof(found, stamped.note), stamped.replies) if stamped else None


def _placed(tree: merkle.Nodes, index: int, opening: Opening, withheld: Mapping[str, str]) -> custody.BundleEvent:
    return custody.disclose(opening, withheld).placed(index, tree.inclusion(index))


def _exhibit(found: Folder, item: Item) -> bundle.BundleExhibit:
    keyfile = item.keys()
    ending = re.search(r"\.[a-z0-9]{1,8}$", str(item.first.field("name_shown")).lower())
    name = item.number + (ending[0] if ending else ".bin")
    chunks = functools.partial(found.vault.read, keyfile)
    return bundle.BundleExhibit(item.exhibit, item.number, name, keyfile.plaintext_digest, keyfile.length, chunks)
