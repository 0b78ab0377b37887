"""A source's words for a wider audience: what an officer marks is left out, and the original stays under seal for named colleagues.

    page = read_originals(work, actor, number)                            # words, marks, files, who reads
    redact(work, actor, RedactTip(number, {message_id: "Ask [[Maria]]"}, readers=frozenset({...})))
    open_to_all(work, actor, number)                                      # and back

Whoever decides here reads the original. What colleagues write (notes, replies, labels) is theirs to keep clean; the page says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, select, update

from tipline import audit, policy, stale
from tipline.access import NAMED
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict
from tipline.inbox import marking, rules
from tipline.inbox.originals import Redacted, read_redacted
from tipline.inbox.services import get_tip, require_reader
from tipline.inbox.words import SourceWords, read_source_words
from tipline.models.custody import Exhibit
from tipline.models.desk import TipReader
from tipline.models.tips import Tip, TipItem
from tipline.notes.history import last_change, record_change
from tipline.notes.locking import check_version
from tipline.notes.people import Colleague, names_of, readers_of
from tipline.notes.things import thing_of
from tipline.vault import shown_name
from tipline.work import Work

ALL = "all"
WHOLE = "Under seal"  # the title of a tip whose first message is hidden as a whole


@dataclass(frozen=True)
class RedactTip:
    """What the wider audience is to read of a tip.

    Args:
        marked: by message, the source's words with [[ and ]] around what is hidden.
        whole: messages that stay under seal as a whole.
        files: exhibits that all may open as they came.
        readers: colleagues' ids who read the original beside the actor.
        everywhere: hide each marked passage wherever else it stands in the words.
    """

    number: str
    marked: Mapping[str, str]
    whole: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()
    everywhere: bool = True
    version: str | int | None = None


@dataclass(frozen=True)
class FileChoice:
    """A file that came with the tip, and whether all may open it."""

    id: str
    name: str
    open: bool


@dataclass(frozen=True)
class OriginalsPage:
    """What the page for redacting shows. `now`: by message, the words as the wider audience reads them today."""

    tip: Tip
    messages: list[SourceWords]
    marked: Mapping[str, str]
    now: Mapping[str, str]
    files: list[FileChoice]
    people: list[Colleague]
    readers: frozenset[str]


@dataclass(frozen=True)
class _Shown:
    """Words as they will be shown, and what is hidden of them."""

    words: Mapping[str, str] = field(default_factory=dict)
    spans: Mapping[str, list[marking.Span]] = field(default_factory=dict)


def read_originals(work: Work, actor: Actor, number: str) -> OriginalsPage:
    """Return a tip's original words and who reads them, to be redacted. The words count as read (VIEWED) before this returns.

    Raises:
        NotFound: there is no such tip. Sealed: the actor does not read its original.
    """
    tip = _readable(work, actor, number)
    messages = read_source_words(work, actor, tip, "words, to redact them")
    shown = read_redacted(actor.keyring.program(tip.program_id), tip)
    readers = frozenset(work.session.scalars(select(TipReader.staff_id).where(TipReader.tip_id == tip.id)))
    return OriginalsPage(
        tip=tip,
        messages=messages,
        marked={one.id: marking.with_marks(marking.plain_ends(one.words), shown.spans.get(one.id, [])) for one in messages},
        now=shown.words,
        files=_files(work, actor, tip),
        people=readers_of(work, thing_of(tip)),
        readers=readers | {actor.staff_id},
    )


def look(work: Work, actor: Actor, command: RedactTip) -> dict[str, str]:
    """Return what the wider audience would read, by message; nothing is kept.

    Raises: as `redact`.
    """
    tip = _readable(work, actor, command.number)
    return dict(_shown(read_source_words(work, actor, tip, "words, to redact them"), command).words)


def redact(work: Work, actor: Actor, command: RedactTip) -> Tip:
    """Let only named colleagues read the original of a tip from now on, and everybody else the redacted words.

    Title, files and the tip's place in the search index follow: nothing of the original is left where others look.

    Raises:
        NotFound: there is no such tip. Sealed: the actor does not read its original.
        BadInput: brackets are left open, words were changed, or a reader does not see the tip.
        ChangedMeanwhile: a colleague changed the tip since the form was loaded.
    """
    originals = read_source_words(work, actor, _readable(work, actor, command.number), "words, to redact them")
    shown = _shown(originals, command)
    tip = get_tip(work, actor, command.number, lock=True)
    require_reader(work, actor, tip)
    readers = _checked_readers(work, tip, command.readers) | {actor.staff_id}
    before, after = _said(read_redacted(actor.keyring.program(tip.program_id), tip), tip.audience), _said(shown, NAMED)
    check_version(tip, command.version, {"Original words": after}, {"Original words": before}, last_change(work, thing_of(tip)))
    keys = actor.keyring.program(tip.program_id)
    tip.redacted = keys.seal_json("tip", "redacted", tip.id, Redacted(shown.words, shown.spans).value())
    first = next((shown.words.get(one.id) for one in originals if one.words), None)
    tip.title = keys.seal("tip", "title", tip.id, rules.title_of(first) if first else WHOLE)
    tip.audience, tip.version = NAMED, tip.version + 1
    _close_files(work, tip, command.files)
    _set_readers(work, actor, tip, readers)
    record_change(work, actor, thing_of(tip), "text", before, after)
    _follow(work, actor, tip, "tip.redact")
    return tip


def open_to_all(work: Work, actor: Actor, number: str, version: str | int | None = None) -> Tip:
    """Let all who see a tip read its original again.

    Raises:
        NotFound, Sealed, ChangedMeanwhile: as `redact`. Conflict: all read it already.
    """
    policy.require(actor, "tip.redact")
    tip = get_tip(work, actor, number, lock=True)
    require_reader(work, actor, tip)
    if tip.audience != NAMED:
        raise Conflict("All who see this tip read its original already.", "Load the page again.")
    before, after = _said(read_redacted(actor.keyring.program(tip.program_id), tip), NAMED), _said(None, ALL)
    check_version(tip, version, {"Original words": after}, {"Original words": before}, last_change(work, thing_of(tip)))
    tip.audience, tip.redacted, tip.title, tip.version = ALL, None, None, tip.version + 1  # the next list makes the title of the original
    _close_files(work, tip, None)
    work.session.execute(delete(TipReader).where(TipReader.tip_id == tip.id))
    record_change(work, actor, thing_of(tip), "text", before, after)
    _follow(work, actor, tip, "tip.open")
    return tip


def _readable(work: Work, actor: Actor, number: str) -> Tip:
    policy.require(actor, "tip.redact")
    tip = get_tip(work, actor, number)
    require_reader(work, actor, tip)
    return tip


def _shown(messages: Sequence[SourceWords], command: RedactTip) -> _Shown:
    """Apply the marks: first each message's own, then every passage wherever else it stands."""
    spans = {}
    for one in messages:
        if one.words and one.id not in command.whole:
            spans[one.id] = _spans(one, command.marked.get(one.id))
    texts = {one.id: marking.plain_ends(one.words) for one in messages}
    if command.everywhere:
        passages = [passage for name, found in spans.items() for passage in marking.hidden_passages(texts[name], found)]
        spans = {name: marking.everywhere(texts[name], found, passages) for name, found in spans.items()}
    return _Shown({name: marking.redacted(texts[name], found) for name, found in spans.items()}, spans)


def _spans(message: SourceWords, marked: str | None) -> list[marking.Span]:
    if marked is None:
        raise BadInput("A message of the source came in while you were marking.", "Load the page again: it is shown there.")
    try:
        return marking.spans_of(message.words, marked)
    except BadInput as error:
        raise BadInput(error.message, error.next_step, {message.id: f"{error.message} {error.next_step}"}) from error


def _checked_readers(work: Work, tip: Tip, wanted: Iterable[str]) -> set[str]:
    chosen, known = set(wanted), {one.id for one in readers_of(work, thing_of(tip))}
    if chosen - known:
        raise BadInput("One of the chosen colleagues does not see this tip.", "Choose from the list.", {"readers": "Choose from the list."})
    return chosen


def _set_readers(work: Work, actor: Actor, tip: Tip, wanted: set[str]) -> None:
    present = set(work.session.scalars(select(TipReader.staff_id).where(TipReader.tip_id == tip.id)))
    if present == wanted:
        return
    work.session.execute(delete(TipReader).where(TipReader.tip_id == tip.id, TipReader.staff_id.in_(present - wanted)))
    rows = [TipReader(tip_id=tip.id, staff_id=one, added_by=actor.staff_id, added_at=work.now()) for one in sorted(wanted - present)]
    work.session.add_all(rows)
    names = names_of(work, present | wanted)
    before, after = (", ".join(sorted(names.get(one, "") for one in found)) for found in (present, wanted))
    record_change(work, actor, thing_of(tip), "readers", before or None, after)


def _close_files(work: Work, tip: Tip, opened: frozenset[str] | None) -> None:
    """Keep what came with a tip for the named, but for the files opened to all; None opens everything."""
    came = select(TipItem.exhibit_id).where(TipItem.tip_id == tip.id)
    items = update(Exhibit).where(Exhibit.id.in_(came)).execution_options(synchronize_session="fetch")
    work.session.execute(items.values(named_only=opened is not None))
    if opened:
        files = items.where(Exhibit.id.in_(opened), Exhibit.kind != "tip_text")
        work.session.execute(files.values(named_only=False))


def _follow(work: Work, actor: Actor, tip: Tip, act: str) -> None:
    """Record the act, and note that the search index reads the names of its files anew; the tip itself is noticed by what was set."""
    audit.record(work.session, work.now(), actor, act, ("tip", tip.id))
    for exhibit_id in work.session.scalars(select(TipItem.exhibit_id).where(TipItem.tip_id == tip.id)).all():
        stale.mark(work.session, tip.program_id, "exhibit", exhibit_id)
    work.session.flush()


def _files(work: Work, actor: Actor, tip: Tip) -> list[FileChoice]:
    query = select(Exhibit).join(TipItem, TipItem.exhibit_id == Exhibit.id).where(TipItem.tip_id == tip.id, Exhibit.kind != "tip_text")
    keys = actor.keyring.program(tip.program_id)
    return [
        FileChoice(one.id, shown_name(work.vault.facts(one, keys).name), tip.audience == NAMED and not one.named_only)
        for one in work.session.scalars(query.where(Exhibit.state != "disposed").order_by(TipItem.message_id, TipItem.position))
    ]


def _said(shown: Redacted | _Shown | None, audience: str) -> str:
    """What the history says: how much is hidden, never what."""
    if audience != NAMED or shown is None:
        return "All read them"
    passages = sum(len(found) for found in shown.spans.values())
    return f"Named colleagues read them; {passages} {'passage' if passages == 1 else 'passages'} hidden from others"
