"""`tipline recover`: compare database, anchor and published checkpoint, and take back what one of them still holds (SPEC 5.9).

A contradiction is refused for good. Whatever is taken back, two people sign for it in the console before anything is published.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from evidence.checkpoint import Checkpoint
from evidence.records import Opening, Scalar
from tipline.accounts.key_events import installation_exhibit
from tipline.anchor import FOR_GOOD, KEY_FILE, Anchor, Frontier, log_rows, log_size, open_anchor
from tipline.config import Settings
from tipline.errors import Conflict, Unsound
from tipline.logkeys import CHECKPOINT, is_named, known_log_keys, open_published, read_published
from tipline.models.base import new_id
from tipline.models.custody import LogCheckpoint, Restoration
from tipline.process import Process, open_process
from tipline.publication import PUBLISHED, newest_published
from tipline.running import alone
from tipline.takingback import Taken, skip_numbers, take_back
from tipline.vault import Act
from tipline.work import Work

Say = Callable[[str], None]
NOTHING_REACHES = (
    "Restore the newest backup of the database or of the anchor that there is, and give the command again. If none reaches, keep "
    "everything as it is and begin a new log in a new data folder: `tipline recover --new-log`."
)
SIGN = "Now start Tipline. Two people who may (administrator, counsel) sign for it in the console, on the page Record."


@dataclass(frozen=True)
class Compared:
    """How far each of the three goes, in events. `anchor` is None where the file is gone, `published` where nothing was published."""

    database: int
    anchor: int | None
    published: Checkpoint | None

    @property
    def behind(self) -> bool:
        return self.anchor is not None and self.database < self.anchor

    @property
    def unanchored(self) -> bool:
        return self.anchor is None and self.database > 0


def recover(settings: Settings, say: Say, *, only_tell: bool = False) -> None:
    """Compare, and take back what can be taken back, with all processes stopped. `only_tell` changes nothing.

    Raises:
        Conflict: something runs, or there is no database of this version. Unsound: the three contradict each other, or what is
        missing is in none of them. Nothing was changed then.
    """
    _require_file(settings)
    process = open_process("worker", settings)
    try:
        with alone(settings, process.database, process.clock()):
            _require_tables(process)
            _recover(process, say, only_tell=only_tell)
    finally:
        process.database.dispose()


def _recover(process: Process, say: Say, *, only_tell: bool) -> None:
    anchor = open_anchor(process.settings.anchor_file, process.vault.keys)
    with process.database.session(write=False) as session:
        found = compare(session, anchor, _published(session, process))
        lacks_row = _lacks_row(session, found.published)
    _tell(found, process.settings, say)
    if not (found.behind or found.unanchored or lacks_row):
        say("Nothing has to be recovered.")
        return
    if only_tell:
        say(_plan(found))
        return
    if found.behind:
        _take_back(process, anchor, found, say)
    if lacks_row:
        _bring_checkpoint(process, say)
    if found.unanchored:
        _write_anchor(process, anchor, found, say)
    if found.behind or found.unanchored:
        say(SIGN)


def compare(session: Session, anchor: Anchor, published: Checkpoint | None) -> Compared:
    """Hold every line of the anchor against its event, and the longer of the two against the published root. Streams.

    Raises:
        Unsound: they contradict each other, or are both shorter than what was published.
    """
    tree, counted, anchored = Frontier(), 0, 0
    with closing(log_rows(session)) as rows:
        for line in anchor.lines():
            anchored += 1
            row = next(rows, None)
            counted += row is not None
            if row is not None and row != line.row:
                raise Unsound(f"The log has another entry at index {line.log_index} than its anchor.", FOR_GOOD)
            _grow(tree, line.row[4], published)
        for row in rows:
            counted += 1
            _grow(tree, row[4], published)
    there = max(counted, anchored)
    if published is not None and published.size > there:
        raise Unsound(f"{published.size} events were published, but database and anchor hold {there} of them.", NOTHING_REACHES)
    if published is not None and tree.root() != published.root:
        raise Unsound(f"The log is not the one whose checkpoint was published at size {published.size}.", FOR_GOOD)
    return Compared(counted, anchored if anchor.path.exists() else None, published)


def _grow(tree: Frontier, entry: str, published: Checkpoint | None) -> None:
    if published is not None and tree.size < published.size:
        tree.add(bytes.fromhex(entry))


def _published(session: Session, process: Process) -> Checkpoint | None:
    """Return the newest checkpoint of the log folder and of the database, its signature checked."""
    keys = process.vault.keys
    in_folder = read_published(session, process.settings.log_folder, keys)
    row = newest_published(session)
    in_table = None if row is None else open_published(row.note, keys.text("log.origin"), known_log_keys(session, keys))
    return max((one for one in (in_folder, in_table) if one is not None), key=lambda one: one.size, default=None)


def _lacks_row(session: Session, published: Checkpoint | None) -> bool:
    highest = session.scalar(select(func.max(LogCheckpoint.size)).where(LogCheckpoint.kind == PUBLISHED))
    return published is not None and published.size > (highest or 0)


def _tell(found: Compared, settings: Settings, say: Say) -> None:
    say(f"Database: {found.database} events in the log, indexes in order, each leaf as its event.")
    if found.anchor is None:
        say(f"Anchor: {settings.anchor_file} is not there.")
    else:
        say(f"Anchor: {found.anchor} lines, every one the sequencer's; equal to the database as far as both go.")
    if found.published is None:
        say("Published: nothing yet.")
    else:
        say(f"Published: {found.published.size} events, signed by the log's key, with the root of this log.")


def _plan(found: Compared) -> str:
    parts = []
    if found.behind:
        parts.append(f"take back the events from index {found.database} to {(found.anchor or 0) - 1} from the anchor")
    if found.unanchored:
        parts.append(f"write the anchor anew from the {found.database} events of the database")
    if found.published is not None and not parts:
        parts.append(f"enter the published checkpoint of {found.published.size} events in the database again")
    return f"`tipline recover` would {' and '.join(parts)}. Nothing was changed."


def _take_back(process: Process, anchor: Anchor, found: Compared, say: Say) -> None:
    last = (found.anchor or 0) - 1
    with process.unit(write=True) as work:
        session = work.session
        restoration = Restoration(id=new_id(), kind="database", from_index=found.database, to_index=last, found_at=work.now())
        session.add(restoration)
        session.flush()
        taken = take_back(session, anchor, found.database, restoration.id, work.today())
        skip_numbers(session, taken.events, work.today().year)
        restoration.lost, restoration.superseded = taken.lost, taken.superseded
        told_again = _tell_keys_again(work, taken.key_events)
        if log_size(session) != last + 1:
            raise Unsound("The log would not end where its anchor ends.", FOR_GOOD)
    _tell_taken(taken, found.database, last, say)
    if told_again:
        say(f"Key events that were set aside were recorded again, after the others: {told_again}.")


def _tell_taken(taken: Taken, first: int, last: int, say: Say) -> None:
    say(f"Taken back from the anchor: indexes {first} to {last}; {taken.events} events, {taken.exhibits} exhibits, {taken.placed} places.")
    say("Numbers of tips, cases, exhibits, letters and samples go on at a later hundred, so that none is given twice.")
    if taken.lost:
        say(f"LOST: {taken.lost} events came back without their content, which the anchor does not hold.")
    if taken.homeless:
        say(f"{taken.homeless} exhibits belong to programs that this database does not know; they came back without one.")
    if taken.superseded:
        say(f"Set aside: {taken.superseded} events that were recorded meanwhile and contradict the anchor. They are kept but do not count.")


def _tell_keys_again(work: Work, blobs: list[bytes]) -> int:
    """Record again the KEY_* events that were set aside, so that the keys of people and programs stay known to the log."""
    count = 0
    for blob in blobs:
        opening = Opening.from_bytes(blob)
        kind, name = str(opening.field("kind")), str(opening.field("key_id"))
        if is_named(work.session, kind, name):
            continue
        fields: dict[str, Scalar] = {part: opening.field(part) for part in ("role", "key_id", "on_behalf_of")}
        fields |= {"authority": opening.entry().hex(), "justification": "recorded before, and set aside by a recovery"}
        work.vault.record(work.session, Act(installation_exhibit(work), None, kind, fields), work.now())
        count += 1
    return count


def _bring_checkpoint(process: Process, say: Say) -> None:
    """Enter the published checkpoint of the log folder in the database again; its root was compared with the log's."""
    path = process.settings.log_folder / CHECKPOINT
    with process.unit(write=True) as work:
        head = read_published(work.session, process.settings.log_folder, process.vault.keys)
        if head is None:
            raise Unsound("The published checkpoint is gone.", "Give the command again.")
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        note = _without_witnesses(path.read_text())
        work.session.add(LogCheckpoint(kind=PUBLISHED, size=head.size, note=note, signed_at=min(written, work.now())))
    say(f"The published checkpoint of {head.size} events is in the database again.")


def _without_witnesses(note: str) -> str:
    """Return the note with the log's own signature alone; witnesses' lines are asked for again."""
    text, _, signatures = note.partition("\n\n")
    origin = text.split("\n")[0]
    own = [line for line in signatures.splitlines() if line.split(" ")[1] == origin]
    return f"{text}\n\n" + "".join(line + "\n" for line in own)


def _write_anchor(process: Process, anchor: Anchor, found: Compared, say: Say) -> None:
    """The row first: a crash in between leaves a restoration to sign and the anchor still to write."""
    last = found.database - 1
    with process.unit(write=True) as work:
        same = select(Restoration.id).where(Restoration.kind == "anchor", Restoration.second_by.is_(None), Restoration.to_index == last)
        if work.session.scalars(same.limit(1)).first() is None:
            work.session.add(Restoration(id=new_id(), kind="anchor", from_index=0, to_index=last, found_at=work.now()))
    for name in process.vault.keys.older(KEY_FILE):
        (process.vault.keys.path / name).unlink()  # every line of the new file bears the present key
    with process.database.session(write=False) as session:
        count = anchor.rewrite(session)
    say(f"The anchor was written anew: {count} lines in {anchor.path}.")


def _require_file(settings: Settings) -> None:
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise Conflict(f"There is no database at {url.database}.", f"Check TIPLINE_DATA. {NOTHING_REACHES}")


def _require_tables(process: Process) -> None:
    if not inspect(process.database.engine).has_table(Restoration.__tablename__):
        raise Conflict("There is no database of this version.", "Restore one, then run `tipline db upgrade`, then this command again.")
