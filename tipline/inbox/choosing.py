"""Which tips a sweep means: what a person chose, and what nobody may sweep whatever was chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from tipline.errors import BadInput
from tipline.inbox import rules
from tipline.inbox.queries import READ_ACT
from tipline.inbox.reading import VIEW_ACT
from tipline.models.cases import Link
from tipline.models.custody import Exhibit, Hold
from tipline.models.operations import AuditEvent
from tipline.models.rewards import RewardClaim
from tipline.models.tips import Tip, TipItem, TipLabel, TipMessage

PASSIVE = (READ_ACT, VIEW_ACT, "index.unsound")  # acts that are no work on a tip
CHANNELS = {"": "any", "form": "form", "phone": "phone", "report": "report"}
SIZES: dict[str, tuple[str, int | None]] = {
    "": ("any", None),
    "5k": ("under 5 kB", 5_000),
    "100k": ("under 100 kB", 100_000),
    "1m": ("under 1 MB", 1_000_000),
}
FEWEST_LETTERS, MOST_LETTERS = 3, 500


@dataclass(frozen=True)
class Choice:
    """Which tips are meant. Whatever is chosen, only untouched new ones are swept.

    Args:
        words: a phrase that all of them hold, without regard to case and spaces; empty: any.
        with_suggested: those too that the linking desk would link with something that is no tip.
        with_returned: those too whose source has come back.
    """

    program_id: str
    first: date
    last: date
    channel: str = ""
    size: str = ""
    words: str = ""
    with_suggested: bool = False
    with_returned: bool = False


def check(choice: Choice) -> None:
    """Refuse a choice that makes no sense. Raises: BadInput."""
    if choice.first > choice.last:
        raise BadInput("The first day is after the last.", "Change one of the two days.", {"first": "Choose a day before the last one."})
    if choice.channel not in CHANNELS or choice.size not in SIZES:
        raise BadInput("This is not in the list.", "Choose from the list.")
    if choice.words and not FEWEST_LETTERS <= len(plain(choice.words)) <= MOST_LETTERS:
        wanted = f"Use {FEWEST_LETTERS} to {MOST_LETTERS} letters, or leave it empty."
        raise BadInput("The words are too short or too long.", wanted, {"words": wanted})


def in_words(choice: Choice) -> str:
    """What was chosen, for the record."""
    said = [f"received {choice.first.isoformat()} to {choice.last.isoformat()}"]
    said += [f"channel {CHANNELS[choice.channel]}"] if choice.channel else []
    said += [SIZES[choice.size][0]] if choice.size else []
    said += [f"with the words “{choice.words.strip()}”"] if choice.words.strip() else []
    said += ["suggested links too"] if choice.with_suggested else []
    return ", ".join([*said, "sources that came back too"] if choice.with_returned else said)


def plain(text: str) -> str:
    """A text as phrases are compared: case folded, every run of spaces one space."""
    return re.sub(r"\s+", " ", text).strip().casefold()


def meant(choice: Choice, until: str) -> list[ColumnElement[bool]]:
    """The structured part of a choice: tips that are no junk yet, up to the number `until` where one is given."""
    found = [Tip.program_id == choice.program_id, Tip.state != "junk", Tip.received_on.between(choice.first, choice.last)]
    if choice.channel:
        found.append(Tip.channel == choice.channel)
    most = SIZES[choice.size][1]
    if most is not None:
        sizes = select(func.coalesce(func.sum(Exhibit.sealed_length), 0)).join(TipItem, TipItem.exhibit_id == Exhibit.id)
        found.append(sizes.where(TipItem.tip_id == Tip.id).scalar_subquery() < most)
    if until:
        length, number = rules.number_key(until)
        found.append(or_(func.length(Tip.number) < length, and_(func.length(Tip.number) == length, Tip.number <= number)))
    return found


def untouched() -> list[ColumnElement[bool]]:
    """New, and nobody has worked on it, replied, labelled, put it into a case, linked it; no claim, no hold, nothing on record."""
    return [
        Tip.state == "new",
        Tip.talk == "open",
        Tip.assignee_id.is_(None),
        Tip.case_id.is_(None),
        ~some(select(TipLabel.id).where(TipLabel.tip_id == Tip.id)),
        ~some(select(TipMessage.id).where(TipMessage.tip_id == Tip.id, TipMessage.by_source.is_(False))),
        ~some(select(RewardClaim.id).where(RewardClaim.tip_id == Tip.id)),
        ~some(select(AuditEvent.id).where(AuditEvent.subject_id == Tip.id, AuditEvent.act.not_in(PASSIVE))),
        ~_linked("confirmed"),
        ~some(_exhibits().where(_exhibit_touched())),
        ~some(_exhibits().join(Hold, Hold.exhibit_id == Exhibit.id)),
        ~some(_exhibits().join(AuditEvent, AuditEvent.subject_id == Exhibit.id).where(AuditEvent.act.not_in(PASSIVE))),
    ]


def by_choice(choice: Choice) -> list[ColumnElement[bool]]:
    """What protects a tip unless the person says otherwise."""
    found = []
    if not choice.with_suggested:
        found.append(~_linked("suggested"))
    if not choice.with_returned:
        found.append(Tip.read_on.is_(None))
        found.append(~some(select(TipMessage.id).where(TipMessage.tip_id == Tip.id, TipMessage.seq > 0)))
    return found


def some(query: Select[str]) -> ColumnElement[bool]:
    """There is such a row of this tip."""
    return query.correlate(Tip).exists()


def _exhibits() -> Select[str]:
    return select(Exhibit.id).join(TipItem, TipItem.exhibit_id == Exhibit.id).where(TipItem.tip_id == Tip.id)


def _exhibit_touched() -> ColumnElement[bool]:
    return or_(Exhibit.case_id.is_not(None), Exhibit.number.is_not(None), Exhibit.custodian_id.is_not(None), Exhibit.state != "held")


def _linked(state: str) -> ColumnElement[bool]:
    """A link of the tip or of one of its exhibits. Suggestions between tips do not count: every flood is alike in itself."""
    counts = Link.state == state
    if state == "suggested":
        counts = and_(counts, or_(Link.from_kind != "tip", Link.to_kind != "tip"))
    ends = (Link.from_id, Link.to_id)  # one EXISTS for each end, so that each finds its index
    of_tip = [some(select(Link.id).where(end == Tip.id, counts)) for end in ends]
    return or_(*of_tip, *(some(_exhibits().join(Link, end == Exhibit.id).where(counts)) for end in ends))
