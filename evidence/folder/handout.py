"""What leaves an examiner's folder: proofs, and bundles (SPEC 7.4 and 7.5)."""

from __future__ import annotations

import base64
import functools
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from evidence import bundle, checkpoint, custody, merkle, records
from evidence.errors import AlreadyThere, IntegrityError
from evidence.folder.case import Act, Folder, Item
from evidence.records import Opening, Scalar

PROVED = ("event_id", "act_id", "kind", "occurred_from", "occurred_to", "clock", "plaintext_after", "length_after")


def inclusion_proof(found: Folder, item: Item) -> str:
    """C2SP tlog-proof of the item's ACQUIRED; its extra data are that event's custody line with nobody's name disclosed."""
    item.keys()
    index, opening = item.events[0]
    hidden = set(records.FIELDS) - set(PROVED) - set(records.NEVER_WITHHELD)
    event = custody.disclose(opening, dict.fromkeys(hidden | {custody.SIGNATURES}, "not needed for the proof")).placed(index, ())
    extra = base64.b64encode(custody.encode_event(event).encode()).decode()
    path = [base64.b64encode(part).decode() for part in found.tree.inclusion(index)]
    return "\n".join(["c2sp.org/tlog-proof@v1", f"extra {extra}", f"index {index}", *path, "", found.note()])


def growth_proof(found: Folder, note: str) -> str:
    """The consistency file from an older checkpoint of this log to its present one. IntegrityError where it did not grow from it."""
    old = checkpoint.open_checkpoint(note, found.origin, found.keys.log.public)
    if old.size > found.tree.size or found.tree.root(old.size) != old.root:
        raise IntegrityError("The log did not grow from this checkpoint.", "Find out what was changed before anything else is done.")
    return checkpoint.encode_consistency(old.size, found.tree.size, found.tree.consistency(old.size))


def write_bundle(found: Folder, items: Sequence[Item], out: Path, title: str, progress: Callable[[int], object]) -> None:
    """Verifies the items, records their export, and writes the bundle: a new folder, or a new file where `out` ends in .zip.

    `progress` is told of each item. AlreadyThere, IntegrityError. Nothing is at `out` unless the bundle is whole.
    """
    if out.exists():
        raise AlreadyThere(f"{out} is there already.", "Choose a new name.")
    zipped = out.suffix == ".zip"
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".export-") as place:
        made = Path(place) / (out.stem if zipped else out.name)
        made.mkdir()
        _fill(found, items, made, {"title": title, "examiner": found.keys.examiner}, progress)
        if zipped:
            packed = Path(place) / "packed"
            with packed.open("xb") as file:
                bundle.pack(made, file)
            made = packed
        made.rename(out)


def _fill(found: Folder, items: Sequence[Item], made: Path, case: dict[str, Scalar], progress: Callable[[int], object]) -> None:
    for item in items:
        found.verify(item)
        progress(1)
    digest = bundle.write_payload(made, [_exhibit(found, item) for item in items], case)
    found.record("EXPORTED", [Act(item.exhibit, item.keys(), {"manifest": digest, "result": "exported"}) for item in items])
    events = {item.exhibit: [_placed(found.tree, *event) for event in found.item(item.number).events] for item in items}
    keys = [_placed(found.tree, *event) for event in found.key_events()]
    seal = bundle.BundleSeal(events, keys, found.note(), found.keys.log, found.origin, found.clock().date())
    bundle.finish_bundle(made, seal)


def _placed(tree: merkle.Tree, index: int, opening: Opening) -> custody.BundleEvent:
    return custody.disclose(opening).placed(index, tree.inclusion(index))


def _exhibit(found: Folder, item: Item) -> bundle.BundleExhibit:
    keyfile = item.keys()
    ending = re.search(r"\.[a-z0-9]{1,8}$", str(item.acquired.field("name_shown")).lower())
    name = item.number + (ending[0] if ending else ".bin")
    chunks = functools.partial(found.vault.read, keyfile)
    return bundle.BundleExhibit(item.exhibit, item.number, name, keyfile.plaintext_digest, keyfile.length, chunks)
