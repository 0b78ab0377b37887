"""What must hold of an installation at any time, after any crash: rows, objects, custody and log agree, and nothing is half there."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from evidence import tiles
from evidence.errors import EvidenceError
from evidence.merkle import Tree, leaf_hash
from evidence.records import NO_PREVIOUS, Opening
from tipline.accounts.keychain import PassphraseLock
from tipline.accounts.keyring import build_keyring
from tipline.actor import ProgramKeys
from tipline.anchor import open_anchor
from tipline.config import Settings
from tipline.errors import TiplineError
from tipline.logkeys import read_published
from tipline.models.cases import Export
from tipline.models.custody import (
    CustodyEvent,
    CustodyOpening,
    CustodyStub,
    Examination,
    Exhibit,
    Grant,
    LogCheckpoint,
    LogLeaf,
    LogPending,
)
from tipline.models.notices import Notice, NoticeBatch
from tipline.models.staff import Staff
from tipline.models.tips import DraftPart, ReplyFile, Send, Tip, TipItem, TipMessage
from tipline.process import Process, open_process
from tipline.publication import open_signed

SETTLES_WITHIN = 90.0
OF_TIPS = ("tip_text", "attachment")
EXAMINED = (*OF_TIPS, "letter", "sample")


@dataclass(frozen=True)
class Found:
    """An exhibit as its own key shows it: the name and the digest of what was received, and its events."""

    exhibit: Exhibit
    name: str
    digest: str
    openings: tuple[Opening, ...]


def keys_of(settings: Settings, login: str, passphrase: str) -> Mapping[str, ProgramKeys]:
    """Open every program that a colleague can read, by their passphrase."""
    process = open_process("console", settings)
    with process.database.session(write=False) as session:
        staff = session.scalars(select(Staff).where(Staff.login == login)).one()
        lock = PassphraseLock(staff.passphrase_salt or b"", process.vault.keys.secret("staff.pepper"), staff.id)
        own = lock.open(staff.secrets or b"", passphrase)
        keyring = build_keyring(session, staff, own.identity, own.signing_key)
        opened = {program_id: keyring.program(program_id) for program_id in keyring.program_ids()}
    process.database.dispose()
    return opened


def settle(settings: Settings) -> None:
    """Wait until the worker has nothing more to do: no event without a place in the log, no exhibit that waits for its examination."""
    process = open_process("worker", settings)
    until = time.monotonic() + SETTLES_WITHIN
    try:
        while (waiting := _waiting(process)) != (0, 0):
            assert time.monotonic() < until, f"{waiting[0]} events without a place, {waiting[1]} exhibits not examined: a job was lost"
            time.sleep(0.2)
    finally:
        process.database.dispose()


def _waiting(process: Process) -> tuple[int, int]:
    with process.database.session(write=False) as session:
        events = session.execute(select(func.count()).select_from(LogPending)).scalar_one()
        grants = session.execute(select(func.count()).select_from(Grant).where(Grant.purpose == "examine")).scalar_one()
    return events, grants


def broken(settings: Settings, keys: Mapping[str, ProgramKeys]) -> list[str]:
    """Return what does not hold, one line each; `keys` open every exhibit, whose bytes are read again."""
    process = open_process("worker", settings)
    try:
        return broken_in(process, keys)
    finally:
        process.database.dispose()


def broken_in(process: Process, keys: Mapping[str, ProgramKeys]) -> list[str]:
    """The same, of an opened worker."""
    with process.database.session(write=False) as session:
        return [
            *_objects(session, process),
            *_chains(session),
            *_log(session, process),
            *_tips(session),
            *_notices(session),
            *_sealed(session, process, keys),
        ]


def exhibits(settings: Settings, keys: Mapping[str, ProgramKeys]) -> Mapping[str, list[Found]]:
    """Return what each tip holds, in order, by the tip's source recipient."""
    process = open_process("worker", settings)
    found: dict[str, list[Found]] = defaultdict(list)
    with process.database.session(write=False) as session:
        rows = session.execute(
            select(Tip.source_recipient, Exhibit)
            .join(TipItem, TipItem.tip_id == Tip.id)
            .join(TipMessage, TipMessage.id == TipItem.message_id)
            .join(Exhibit, Exhibit.id == TipItem.exhibit_id)
            .order_by(TipMessage.seq, TipItem.position)
        )
        for recipient, exhibit in rows:
            found[recipient].append(_open(session, process, exhibit, keys[str(exhibit.program_id)]))
    process.database.dispose()
    return found


def _open(session: Session, process: Process, exhibit: Exhibit, keys: ProgramKeys) -> Found:
    keyfile = process.vault.open_exhibit(exhibit, keys)
    facts = process.vault.facts(exhibit, keys)
    return Found(exhibit, facts.name, facts.digest, tuple(process.vault.openings(session, exhibit, keyfile)))


# rows and objects


def _objects(session: Session, process: Process) -> Iterator[str]:
    store = process.vault.objects.store
    names = set(store.names())
    wanted = {f"{name}.age": "exhibit" for name in _column(session, Exhibit.object_name)}
    wanted |= {f"{name}.age": "preview" for name in _column(session, Examination.preview_name)}
    wanted |= {f"{name}.age": "bundle" for name in _column(session, Export.bundle_name)}
    for name in _column(session, DraftPart.object_name):
        wanted[f"{name}.age"] = "part of a draft"
    for grant_id, name in session.execute(select(Grant.id, Exhibit.object_name).join(Exhibit, Exhibit.id == Grant.exhibit_id)):
        wanted[f"{name}.grant.{grant_id}.age"] = "grant"
    yield from (f"{what} without its object {name}" for name, what in wanted.items() if name not in names)
    keyed = {name.partition(".")[0] for name in names if ".key." in name}
    yield from (f"exhibit without a key file {name}" for name in _column(session, Exhibit.object_name) if name not in keyed)
    for name in names:
        if name.count(".") == 1 and hashlib.sha256(store.read(name)).hexdigest() != name.removesuffix(".age"):
            yield f"object {name} is not what its name says"


def _column(session: Session, column: object) -> list[str]:
    return [value for value in session.scalars(select(column)) if value is not None]  # type: ignore[call-overload]


def _chains(session: Session) -> Iterator[str]:
    events: dict[str, list[CustodyEvent]] = defaultdict(list)
    for event in session.scalars(select(CustodyEvent).order_by(CustodyEvent.exhibit_id, CustodyEvent.exhibit_seq)):
        events[event.exhibit_id].append(event)
    for exhibit_id in session.scalars(select(Exhibit.id)):
        if not events[exhibit_id]:
            yield f"exhibit {exhibit_id} has no custody"
    for exhibit_id, chain in events.items():
        previous = [NO_PREVIOUS, *(event.entry for event in chain)]
        if [event.exhibit_seq for event in chain] != list(range(1, len(chain) + 1)):
            yield f"the custody of {exhibit_id} has a gap"
        if [event.exhibit_prev for event in chain] != previous[: len(chain)]:
            yield f"the custody of {exhibit_id} is not one chain"
    opened, stubs = set(session.scalars(select(CustodyOpening.event_id))), set(session.scalars(select(CustodyStub.event_id)))
    gone = set(session.scalars(select(Exhibit.id).where(Exhibit.state == "disposed")))
    for event in (event for chain in events.values() for event in chain):
        if (event.event_id in opened, event.event_id in stubs) != (event.exhibit_id not in gone, event.exhibit_id in gone):
            yield f"event {event.event_id} has {'opening and stub' if event.event_id in opened & stubs else 'not what it must have'}"


def _log(session: Session, process: Process) -> Iterator[str]:
    leaves = session.execute(
        select(LogLeaf.log_index, LogLeaf.event_id, LogLeaf.entry, CustodyEvent.entry, CustodyEvent.exhibit_id, CustodyEvent.exhibit_seq)
        .join(CustodyEvent, CustodyEvent.event_id == LogLeaf.event_id)
        .order_by(LogLeaf.log_index)
    ).all()
    if [leaf[0] for leaf in leaves] != list(range(len(leaves))):
        yield "the log has a gap"
    if not leaves:
        yield "the log is empty, so nothing was looked at"
    yield from (f"leaf {leaf[0]} is not its event's" for leaf in leaves if leaf[2] != leaf[3])
    seen: dict[str, int] = defaultdict(int)
    for index, _, _, _, exhibit_id, seq in leaves:
        if seq != seen[exhibit_id] + 1:
            yield f"leaf {index} is out of its exhibit's order"
        seen[exhibit_id] = seq
    waiting = set(session.scalars(select(LogPending.event_id)))
    placed = {leaf[1] for leaf in leaves}
    if waiting & placed:
        yield f"{len(waiting & placed)} events have a place and wait for one"
    if waiting | placed != set(session.scalars(select(CustodyEvent.event_id))):
        yield "an event has no place in the log and waits for none"
    yield from _checkpoints(session, process, [leaf[2] for leaf in leaves])
    yield from _published(session, process, [leaf[2] for leaf in leaves])
    yield from _anchor(session, process)


def _checkpoints(session: Session, process: Process, entries: list[str]) -> Iterator[str]:
    tree = Tree(leaf_hash(bytes.fromhex(entry)) for entry in entries)
    for row in session.scalars(select(LogCheckpoint)):
        opened = open_signed(session, process.vault.keys, row.note)
        if row.size != opened.size or opened.size > tree.size or opened.root != tree.root(opened.size):
            yield f"the checkpoint of size {row.size} is not the log's"


def _published(session: Session, process: Process, entries: list[str]) -> Iterator[str]:
    """What the log folder shows to strangers is signed, and every tile of it is there and the log's."""
    folder = process.settings.log_folder
    try:
        head = read_published(session, folder, process.vault.keys)
    except TiplineError as error:
        yield f"the published checkpoint is refused: {error}"
        return
    if head is None:
        return
    tree = Tree(leaf_hash(bytes.fromhex(entry)) for entry in entries)
    if head.size > tree.size or head.root != tree.root(head.size):
        yield f"the published checkpoint of size {head.size} is not the log's"
        return
    for path, data in tiles.tiles(tree, 0, head.size):
        if not (folder / path).exists() or (folder / path).read_bytes() != data:
            yield f"the published {path} is not the log's"


def _anchor(session: Session, process: Process) -> Iterator[str]:
    """The sequencer's own check, on a copy, since it mends a torn line."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "log.jsonl"
        if process.settings.anchor_file.exists():
            shutil.copy(process.settings.anchor_file, copy)
        try:
            open_anchor(copy, process.vault.keys).check(session)
        except TiplineError as error:
            yield f"the anchor is refused: {error}"


# tips


def _tips(session: Session) -> Iterator[str]:
    sent = set(session.scalars(select(Send.tip_id)))
    for tip in session.scalars(select(Tip)):
        messages = list(session.scalars(select(TipMessage).where(TipMessage.tip_id == tip.id).order_by(TipMessage.seq)))
        if [message.seq for message in messages] != list(range(len(messages))) or not messages:
            yield f"the messages of {tip.number} have a gap"
        if tip.id not in sent:
            yield f"{tip.number} has no Send"
        if not all(_has_its_items(session, message) for message in messages if message.by_source):
            yield f"items of {tip.number} are missing"
        yield from (f"{trouble} of {tip.number}" for trouble in _answers(messages))
    yield from _sent_files(session)


def _answers(messages: Sequence[TipMessage]) -> Iterator[str]:
    """A question of staff has one answer at most, and an answer has its question."""
    asked = {message.id for message in messages if message.kind == "question" and not message.by_source}
    answers = [message.question_id for message in messages if message.kind == "answer"]
    if len(set(answers)) != len(answers) or not set(answers) <= asked:
        yield "answers without their questions, or two to one,"


def _sent_files(session: Session) -> Iterator[str]:
    """Each file that was sent to a source belongs to a reply of staff."""
    replies = select(ReplyFile.exhibit_id).join(TipMessage, TipMessage.id == ReplyFile.message_id).where(TipMessage.by_source.is_(False))
    sent = set(session.scalars(replies))
    kept = set(session.scalars(select(Exhibit.id).where(Exhibit.kind == "reply_file")))
    yield from (f"file {one} was sent with no reply, or is no exhibit" for one in sent ^ kept)


def _notices(session: Session) -> Iterator[str]:
    """A batch whose codes left has one for each row of its list; one without codes has none; codes that broke off count nowhere."""
    counted = {row[0]: row[1] for row in session.execute(select(Notice.batch_id, func.count()).group_by(Notice.batch_id))}
    for batch in session.scalars(select(NoticeBatch)):
        letters = counted.pop(batch.id, 0)
        if session.get_one(Exhibit, batch.exhibit_id).kind != "notice_list":
            yield f"{batch.number} is about something that is no list"
        if letters != {"ready": 0, "issued": batch.letters}.get(batch.state, letters):
            yield f"{batch.number} is {batch.state} and has {letters} of {batch.letters} letters"
    yield from (f"{letters} letters belong to no batch" for letters in counted.values())


def _has_its_items(session: Session, message: TipMessage) -> bool:
    """From 0, the text; a further message may have files alone, from 1."""
    positions = list(session.scalars(select(TipItem.position).where(TipItem.message_id == message.id).order_by(TipItem.position)))
    first = 0 if message.seq == 0 else min(positions, default=0)
    return bool(positions) and first < 2 and positions == list(range(first, first + len(positions)))


def _examined(session: Session) -> Iterator[str]:
    items = set(session.scalars(select(TipItem.exhibit_id)))
    looked_at = {*session.scalars(select(Examination.exhibit_id)), *session.scalars(select(Grant.exhibit_id))}
    for exhibit in session.scalars(select(Exhibit).where(Exhibit.kind.in_(EXAMINED))):
        if exhibit.id not in looked_at:
            yield f"{exhibit.kind} {exhibit.id} was not examined and never will be"
        if exhibit.kind in OF_TIPS and exhibit.id not in items:
            yield f"{exhibit.kind} {exhibit.id} belongs to no tip"


def _sealed(session: Session, process: Process, keys: Mapping[str, ProgramKeys]) -> Iterator[str]:
    """Open every exhibit: its custody is whole, an act has all its exhibits, and its bytes are read again."""
    acts: dict[str, list[int]] = defaultdict(list)
    gone = 0
    for exhibit in session.scalars(select(Exhibit).where(Exhibit.program_id.is_not(None))):
        try:
            if exhibit.state == "disposed":
                gone += len(process.vault.stubs(session, exhibit)) > 0
                continue
            found = _open(session, process, exhibit, keys[str(exhibit.program_id)])
            process.vault.objects.verify(process.vault.open_exhibit(exhibit, keys[str(exhibit.program_id)]))
        except (EvidenceError, TiplineError) as error:
            yield f"{exhibit.kind} {exhibit.id}: {error}"
            continue
        if found.openings[0].field("plaintext_after") != found.digest:
            yield f"{exhibit.kind} {exhibit.id}: row and record name different bytes"
        for opening in found.openings:
            acts[str(opening.field("act_id"))].append(int(opening.field("act_size") or 0))
    for act, sizes in acts.items():  # whose other exhibits may be disposed of
        if len(set(sizes)) > 1 or not sizes[0] - gone <= len(sizes) <= sizes[0]:
            yield f"act {act} has {len(sizes)} events of {sizes[0]}"
