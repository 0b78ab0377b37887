"""Lists of known files: harmless ones as NSRL's, or wanted ones. Files are compared by digest, in a file under the program's key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from evidence.errors import EvidenceError
from tipline import access, audit, policy
from tipline.actor import Actor, ProgramKeys
from tipline.attachments import rules
from tipline.cases.handover import Arrived
from tipline.cases.overview import exhibit_title
from tipline.errors import BadInput, NotFound, Unsound
from tipline.inbox.queries import staff_names
from tipline.models.base import new_id
from tipline.models.custody import Exhibit
from tipline.models.desk import HashList
from tipline.search.index import ProgramIndex
from tipline.search.index import path_of as index_path
from tipline.search.known import KnownFiles, path_of
from tipline.work import Work

MOST_DIGESTS = 5_000_000
MOST_SHOWN = 200
_STEP = 2000


@dataclass(frozen=True)
class LoadList:
    """A list that somebody loads. `origin` says where it is from; `meaning`: known or wanted."""

    program_id: str
    name: str
    origin: str
    meaning: str
    arrived: Arrived | None = None


@dataclass(frozen=True)
class ListRow:
    id: str
    program_id: str
    name: str
    origin: str
    sha256: str
    meaning: str
    digests: int
    loaded_by: str
    loaded_at: datetime


@dataclass(frozen=True)
class Match:
    """That a file stands on a list."""

    list_id: str
    name: str
    meaning: str


@dataclass(frozen=True)
class Hit:
    """A stored exhibit that stands on a list."""

    exhibit_id: str
    number: str
    title: str


@dataclass(frozen=True)
class ListPage:
    """`compared`: how many stored files were; `present`: how many of the list's digests are at hand."""

    row: ListRow
    hits: list[Hit]
    compared: int
    present: int


def list_lists(work: Work, actor: Actor) -> list[ListRow]:
    """Return the lists of the programs that the actor holds, the newest first."""
    policy.require(actor, "exhibit.read")
    query = select(HashList).where(HashList.program_id.in_(actor.keyring.program_ids())).order_by(HashList.loaded_at.desc(), HashList.id)
    names = staff_names(work)
    return [_row(actor, names, one) for one in work.session.scalars(query.limit(MOST_SHOWN))]


def _row(actor: Actor, names: Mapping[str, str], one: HashList) -> ListRow:
    about = actor.keyring.program(one.program_id).open_json("hash_list", "about", one.id, one.about)
    told = (about["name"], about["origin"], about["sha256"])
    return ListRow(one.id, one.program_id, *told, one.meaning, one.digests, names.get(one.loaded_by, ""), one.loaded_at)


def count(work: Work, program_id: str) -> int:
    """How many lists a program has."""
    return work.session.scalar(select(func.count()).select_from(HashList).where(HashList.program_id == program_id)) or 0


def load(work: Work, actor: Actor, command: LoadList) -> HashList:
    """Load a list: NSRL's CSV, the output of sha256sum, sha1sum or md5sum, or one digest a line. Its own file is not kept.

    Raises:
        BadInput: something that must be said is missing, the file holds no digest, or too many.
    """
    policy.require(actor, "hashlist.load")
    name, origin = (" ".join(text.split())[: rules.NAME_LENGTH] for text in (command.name, command.origin))
    faults = {
        "name": "" if name else "Give the list a name.",
        "meaning": "" if command.meaning in rules.MEANINGS else "Say what it means that a file stands on it.",
        "program": "" if command.program_id in actor.keyring.program_ids() else "Choose the program.",
        "file": "" if command.arrived else "Choose the file of the list.",
    }
    found = {field: message for field, message in faults.items() if message}
    if found or command.arrived is None:
        raise BadInput("The list was not loaded.", "Put right what is marked.", found)
    keys, list_id = actor.keyring.program(command.program_id), new_id()
    sealed = command.arrived.sealed.keyfile
    with KnownFiles(work.settings.index_folder, keys, write=True) as known:
        known.add(list_id, _limited(rules.digests_in(_bytes(work, command.arrived))))
        digests = known.count(list_id)
        if not digests:
            raise BadInput(_EMPTY, _FORMS, {"file": _EMPTY})
    about = {"name": name, "origin": origin, "sha256": sealed.plaintext_digest}
    row = HashList(id=list_id, program_id=command.program_id, meaning=command.meaning, digests=digests, loaded_by=actor.staff_id)
    row.about, row.loaded_at = keys.seal_json("hash_list", "about", list_id, about), work.now()
    work.session.add(row)
    audit.record(work.session, work.now(), actor, "hashlist.load", ("hash_list", list_id), command.meaning)
    work.session.flush()
    return row


_EMPTY = "This file holds no digest."
_FORMS = "A list is NSRL's CSV, the output of sha256sum, sha1sum or md5sum, or one digest a line."


def _bytes(work: Work, arrived: Arrived) -> Iterator[bytes]:
    """The bytes of the list as they arrived: sealed to a key that only this request has, and swept after it."""
    try:
        yield from work.vault.objects.read(arrived.sealed.keyfile)
    except EvidenceError as error:
        raise Unsound(f"The list could not be read: {error}", "Load it again.") from error


def _limited(digests: Iterator[bytes]) -> Iterator[bytes]:
    for number, digest in enumerate(digests, start=1):
        if number > MOST_DIGESTS:
            message = f"This list holds more than {MOST_DIGESTS:,} digests."
            raise BadInput(message, "Load the part of it that you need.", {"file": message})
        yield digest


def remove(work: Work, actor: Actor, list_id: str) -> None:
    """Take a list away, its digests too."""
    policy.require(actor, "hashlist.load")
    row = _get(work, actor, list_id)
    with KnownFiles(work.settings.index_folder, actor.keyring.program(row.program_id), write=True) as known:
        known.forget(list_id)
    work.session.delete(row)
    audit.record(work.session, work.now(), actor, "hashlist.remove", ("hash_list", list_id))
    work.session.flush()


def _get(work: Work, actor: Actor, list_id: str) -> HashList:
    row = work.session.scalar(select(HashList).where(HashList.id == list_id, HashList.program_id.in_(actor.keyring.program_ids())))
    if row is None:
        raise NotFound("There is no such list here.", "Look at the lists of known files.")
    return row


def look_up(work: Work, actor: Actor, program_id: str, digests: Iterable[str]) -> dict[str, list[Match]]:
    """Return on which lists digests (hex) stand, by digest. Where the program has no list nothing is opened."""
    wanted = list(dict.fromkeys(digests))
    rows = {row.id: row for row in work.session.scalars(select(HashList).where(HashList.program_id == program_id))} if wanted else {}
    if not rows:
        return {}
    keys = actor.keyring.program(program_id)
    with KnownFiles(work.settings.index_folder, keys) as known:
        found = known.find(bytes.fromhex(one) for one in wanted)
    return {
        digest.hex(): [_match(keys, rows[list_id]) for list_id in ids if list_id in rows]
        for digest, ids in found.items()
        if any(list_id in rows for list_id in ids)
    }


def _match(keys: ProgramKeys, row: HashList) -> Match:
    return Match(row.id, keys.open_json("hash_list", "about", row.id, row.about)["name"], row.meaning)


def read_list(work: Work, actor: Actor, list_id: str) -> ListPage:
    """Return a list with those stored files that stand on it, by SHA-256 as the program's index has it; the first 200."""
    policy.require(actor, "exhibit.read")
    row = _get(work, actor, list_id)
    keys, folder = actor.keyring.program(row.program_id), work.settings.index_folder
    ids, compared, present = [], 0, 0
    if path_of(folder, row.program_id).exists():
        with KnownFiles(folder, keys) as known:
            present = known.count(list_id)
            for digests in _stored(work, keys):
                compared += len(digests)
                on_it = known.find(bytes.fromhex(digest.removeprefix("sha256:")) for digest, _ in digests)
                ids += [one for digest, one in digests if list_id in on_it.get(bytes.fromhex(digest.removeprefix("sha256:")), [])]
    return ListPage(_row(actor, staff_names(work), row), _hits(work, actor, keys, ids), compared, present)


def _stored(work: Work, keys: ProgramKeys) -> Iterator[list[tuple[str, str]]]:
    """Digest and id of the exhibits that the index knows, some at a time."""
    if not index_path(work.settings.index_folder, keys.program_id).exists():
        return
    with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
        after = ("", "")
        while files := index.all_files(after, _STEP):
            yield [(one.sha256, one.exhibit_id) for one in files]
            after = (files[-1].sha256, files[-1].exhibit_id)


def _hits(work: Work, actor: Actor, keys: ProgramKeys, ids: list[str]) -> list[Hit]:
    query = select(Exhibit).where(Exhibit.id.in_(ids[: MOST_SHOWN * 5]), access.sees(actor, Exhibit), Exhibit.state != "disposed")
    found = work.session.scalars(query.order_by(Exhibit.number, Exhibit.id).limit(MOST_SHOWN))
    return [Hit(one.id, one.number or "No number", exhibit_title(work, keys, one)) for one in found]
