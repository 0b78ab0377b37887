"""What an examiner does to items: each act is recorded, signed, before anything else happens (SPEC 7.3).

Every function here is one command: it checks all items first and then records one act on all of them, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from evidence.errors import AlreadyThere, Barred, IntegrityError, NotFound, UsageError
from evidence.examine.preview import examine_object, summary
from evidence.examine.report import Report
from evidence.folder.case import Act, Folder, Part, When
from evidence.folder.durable import Staged
from evidence.folder.item import Item, released
from evidence.folder.person import Person
from evidence.folder.rotation import admit
from evidence.records import Scalar
from evidence.signing import SigningKey

NOTED = ("EXAMINED", "SEALED", "VIEWED")
WHOLE = "ciphertext and plaintext as recorded"
_MOVED = "moved; custody did not change hands"


@dataclass(frozen=True)
class Signer:
    """Somebody else who confirms with a key of their own."""

    person: Person
    key: SigningKey


@dataclass(frozen=True)
class Handover:
    """Who hands over to whom, and how the other side confirmed: with a key, by words that the examiner states, or not at all."""

    released_by: str
    received_by: str
    fields: Mapping[str, Scalar]
    releaser: Signer | None = None
    receiver: Signer | None = None
    statement: str | None = None
    when: When | None = None


def transfer(found: Folder, items: Sequence[Item], handover: Handover) -> None:
    """Records TRANSFERRED. UsageError where a key is another person's than the one who releases or receives, or nobody else takes part."""
    result = f"released: {_confirmed(found, handover, handover.released_by, handover.releaser)}"
    result += f"; received: {_confirmed(found, handover, handover.received_by, handover.receiver)}"
    if handover.released_by == handover.received_by:
        raise UsageError("Custody does not change hands here.", "For another place of the same custodian: evidence move")
    for item in items:
        item.check_free()
    others = [signer.key for signer in (handover.releaser, handover.receiver) if signer is not None]
    both: dict[str, Scalar] = {"released_by": handover.released_by, "received_by": handover.received_by, "result": result}
    parts = _parts(items, {**handover.fields, **both})
    admit(found, others)
    found.record([Act("TRANSFERRED", "transfer", parts, handover.when, others)])


def _confirmed(found: Folder, handover: Handover, name: str, signer: Signer | None) -> str:
    if signer is not None:
        if signer.person.name != name:
            raise UsageError(f"The key is that of {signer.person.name}, not of {name}.", "Give the name as the key file has it.")
        return f"signed with the key {signer.person.fingerprint}"
    if name == found.keys.examiner:
        return "signed by the examiner"
    return f"stated by the examiner: {handover.statement}" if handover.statement else "not confirmed"


def move(found: Folder, items: Sequence[Item], fields: Mapping[str, Scalar]) -> None:
    """Records that items stand at another place with the same custodian: TRANSFERRED from the examiner to the examiner."""
    same: dict[str, Scalar] = {"released_by": found.keys.examiner, "received_by": found.keys.examiner, "result": _MOVED}
    found.record([Act("TRANSFERRED", "move", _parts(items, {**fields, **same}))])


def note(found: Folder, items: Sequence[Item], kind: str, fields: Mapping[str, Scalar], when: When | None = None) -> None:
    """Records what was done outside of this program. UsageError for a kind that is not one of NOTED."""
    if kind not in NOTED:
        raise UsageError(f"{kind} is not noted by hand.", f"Use one of {', '.join(NOTED)}.")
    found.record([Act(kind, "note", _parts(items, fields), when)])


def hold(found: Folder, items: Sequence[Item], fields: Mapping[str, Scalar]) -> None:
    """Records HELD: until it is released, disposition is refused."""
    found.record([Act("HELD", "hold", _parts(items, fields))])


def release(found: Folder, item: Item, seq: int | None, fields: Mapping[str, Scalar]) -> None:
    """Ends one hold; `seq` names its event where there are several. UsageError, NotFound."""
    holds = [int(event.field("exhibit_seq") or 0) for event in item.holds()]
    if not holds:
        raise NotFound(f"{item.number} is not on hold.", "Its history is listed by: evidence log DIR ITEM")
    if seq is None and len(holds) > 1:
        raise UsageError(f"{item.number} has {len(holds)} holds, of events {_numbers(holds)}.", "Say which with --hold.")
    if seq is not None and seq not in holds:
        raise NotFound(f"Event #{seq} of {item.number} is no hold that is in force.", f"In force: {_numbers(holds)}.")
    found.record([Act("RELEASED", "release", _parts([item], {**fields, "result": released(seq or holds[0])}))])


def quarantine(found: Folder, items: Sequence[Item], reason: str) -> None:
    """Records QUARANTINED: such items are neither opened, handed on nor exported."""
    found.record([Act("QUARANTINED", "quarantine", _parts(items, {"justification": reason}))])


def end_quarantine(found: Folder, items: Sequence[Item], reason: str) -> None:
    """Reads each item whole; where all are as recorded, VERIFIED with the reason ends their quarantine. NotFound, IntegrityError."""
    for item in items:
        if not item.quarantined:
            raise NotFound(f"{item.number} is not in quarantine.", "Its history is listed by: evidence log DIR ITEM")
    verify(found, items, reason)


def correct(found: Folder, item: Item, seq: int, right: str, why: str) -> None:
    """Records CORRECTED, which names the event that was wrong; that event stays as it is. NotFound."""
    fields: dict[str, Scalar] = {"authority": item.event(seq).entry().hex(), "result": right, "justification": why}
    found.record([Act("CORRECTED", "correct", _parts([item], fields))])


def verify(found: Folder, items: Sequence[Item], reason: str | None = None, progress: Callable[[int], object] = lambda _: None) -> None:
    """Reads items again and records VERIFIED for all; at a first that fails, VERIFY_FAILED and QUARANTINED for it, and raises."""
    acts = []
    for item in items:
        try:
            found.vault.verify(item.keys())
        except (IntegrityError, NotFound) as error:
            found.record(failed("verify", item, str(error)))
            raise
        acts.append(verified("verify", item, reason))
        progress(1)
    found.record(acts)


def verified(command: str, item: Item, reason: str | None = None) -> Act:
    """That an item was read again and is what was acquired."""
    keyfile = item.keys()
    facts: dict[str, Scalar] = {"plaintext_after": keyfile.plaintext_digest, "length_after": keyfile.length, "result": WHOLE}
    return Act("VERIFIED", command, _parts([item], {**facts, "justification": reason}))


def failed(command: str, item: Item, fault: str) -> list[Act]:
    """That it is not, and that it is set apart."""
    kinds = ["VERIFY_FAILED"] if item.quarantined else ["VERIFY_FAILED", "QUARANTINED"]
    return [Act(kind, command, _parts([item], {"result": fault})) for kind in kinds]


def dispose(found: Folder, items: Sequence[Item], fields: Mapping[str, Scalar]) -> None:
    """Records DISPOSED, leaves a stub for each event, then destroys key files and objects. Barred where one of them is on hold."""
    for item in items:
        if holds := item.holds():
            numbers = _numbers([int(event.field("exhibit_seq") or 0) for event in holds])
            raise Barred(f"{item.number} is on hold (event {numbers}).", "It cannot be disposed of before the hold is released.")
    found.record([Act("DISPOSED", "dispose", _parts(items, fields))])
    found.finish_disposals()


def give_out(found: Folder, item: Item, target: Path, fields: Mapping[str, Scalar]) -> None:
    """Writes an item's original to a new file, whole or not at all. DOWNLOADED is recorded before the first byte. AlreadyThere, Barred."""
    item.check_free()
    if target.exists() or target.is_symlink():
        raise AlreadyThere(f"{target} is there already.", "Choose a new name.")
    if not target.absolute().parent.is_dir():
        raise NotFound(f"There is no folder {target.parent}.", "Make it first.")
    found.record([Act("DOWNLOADED", "open", _parts([item], {**fields, "result": "written to a file"}))])
    staged = Staged(target, _original(found, item))
    try:
        staged.put_new()
    except FileExistsError as error:
        raise AlreadyThere(f"{target} is there already.", "Choose a new name.") from error
    finally:
        staged.drop()


def show(found: Folder, item: Item, out: BinaryIO, fields: Mapping[str, Scalar]) -> None:
    """Writes an item's original to a stream. VIEWED is recorded before the first byte. Barred."""
    item.check_free()
    found.record([Act("VIEWED", "open", _parts([item], {**fields, "result": "written to standard output"}))])
    for piece in _original(found, item):
        out.write(piece)
    out.flush()


def _original(found: Folder, item: Item) -> Iterator[bytes]:
    """The item's bytes; opened when the first is asked for."""
    yield from found.vault.read(item.keys())


def examine(found: Folder, item: Item) -> Report:
    """Looks into a file in the jail. EXAMINED is recorded before anything of it is told. Barred."""
    item.check_free()
    if item.physical:
        raise Barred(f"{item.number} is a thing and not a file.", "Say what you found by hand: evidence note DIR ITEM --kind EXAMINED")
    keyfile = item.keys()
    report = examine_object(found.vault.read(keyfile), keyfile.length, "", str(item.first.field("name_shown") or ""))
    told = summary(report)
    words = [told["type"], told["warnings"], f"traces: {told['traces'] or 'none found'}", *report.notes]
    result = f"{report.state}: " + "; ".join(word for word in words if word)
    found.record([Act("EXAMINED", "examine", _parts([item], {"result": result[:1000], "plaintext_after": keyfile.plaintext_digest}))])
    return report


def _parts(items: Sequence[Item], fields: Mapping[str, Scalar]) -> list[Part]:
    return [Part(item.exhibit, item.keys(), fields) for item in items]


def _numbers(found: Sequence[int]) -> str:
    return ", ".join(f"#{number}" for number in found)
