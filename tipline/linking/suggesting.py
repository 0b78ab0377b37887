"""Turning what the index finds into suggested links, each pair and kind once, whatever became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from tipline.actor import ProgramKeys
from tipline.linking import rules
from tipline.linking.rules import RecordMatch, Suggestion
from tipline.models.base import new_id
from tipline.models.cases import Letter, Link, Sample
from tipline.models.custody import Exhibit
from tipline.models.tips import Tip
from tipline.samples.rules import IN_WORDS, score
from tipline.search.index import Item, ProgramIndex
from tipline.work import Work

MOST = 50  # other things that one thing is compared with, for each kind of link
FEW = 8  # tips that an indicator links with one another; a letter that more of them name links them through itself
MOST_MATCHES = 200  # people that a finding lists; all are counted
ORDER = {"tip": 0, "letter": 1, "sample": 2, "exhibit": 3}
TIERS = {"strong": 0, "fair": 1, "weak": 2}
TEXTS = ("tip", "letter")


@dataclass(frozen=True)
class Desk:
    """What making suggestions for one program needs."""

    work: Work
    keys: ProgramKeys
    index: ProgramIndex


def suggest(desk: Desk, item: Item) -> int:
    """Make the links that a thing, now in the index, gives rise to; returns how many are new."""
    made = 0
    if item[0] in TEXTS:
        made += sum(_indicators(desk, item, other) for other in desk.index.sharing(item, MOST))
        made += _samples_in(desk, item)
    if item[0] == "sample":
        made += sum(_samples_in(desk, other, item[1]) for other in desk.index.holding_people_of(item[1]) if other[0] in TEXTS)
    return made + _same_files(desk, item)


def _indicators(desk: Desk, item: Item, other: Item) -> int:
    if other[0] not in TEXTS:
        return 0
    start, end = _in_order(item, other)
    index = desk.index
    suggestion = rules.shared_indicators(index.held(start), index.held(end), index.frequency, index.corpus())
    if suggestion is None:
        return 0
    if start[0] == end[0] == "tip" and min(one["texts"] for one in suggestion.findings["indicators"]) > FEW:
        return 0  # a flood of tips must not bury the queue
    for one in suggestion.findings["indicators"]:
        del one["spans_a"], one["spans_b"]  # found anew in the words as they are shown
    return _keep(desk, start, end, suggestion)


def _samples_in(desk: Desk, item: Item, only: str | None = None) -> int:
    found: dict[str, list[RecordMatch]] = {}
    for one in desk.index.agreements(item):
        found.setdefault(one.sample_id, []).append(RecordMatch(one.person, one.locator, one.kinds, score(one.kinds)))
    made = 0
    for sample_id, matches in found.items():
        sample = desk.work.session.get(Sample, sample_id)
        if sample is None or only not in (None, sample_id):
            continue
        suggestion = rules.records_found(matches, sample.people, IN_WORDS, sample.number)
        if suggestion is not None:
            listed = sorted(suggestion.findings["matches"], key=lambda match: -match["weight"])[:MOST_MATCHES]
            suggestion.findings["matches"] = listed
            made += _keep(desk, item, ("sample", sample_id), suggestion)
    return made


def _same_files(desk: Desk, item: Item) -> int:
    made = 0
    for mine, other, theirs in desk.index.same_bytes(item, MOST):
        if _are_words(desk.work, mine.exhibit_id):
            continue  # two sources who write the same few words sent no file
        start, end = _in_order(item, other)
        first, second = (mine, theirs) if start == item else (theirs, mine)
        names = [f"{file.name or 'A file'} of {number_of(desk.work, thing)}" for thing, file in ((start, first), (end, second))]
        suggestion = rules.same_file(mine.sha256, *names)
        suggestion.findings["exhibits"] = [first.exhibit_id, second.exhibit_id]
        made += _keep(desk, start, end, suggestion)
    return made


def _are_words(work: Work, exhibit_id: str) -> bool:
    return work.session.get_one(Exhibit, exhibit_id).kind == "tip_text"


def number_of(work: Work, item: Item) -> str:
    """A thing's number; an exhibit without one is called so."""
    kind, thing_id = item
    if kind in ("tip", "letter", "sample"):
        model: Any = {"tip": Tip, "letter": Letter, "sample": Sample}[kind]
        return str(work.session.get_one(model, thing_id).number)
    return "an exhibit"


def _in_order(one: Item, other: Item) -> tuple[Item, Item]:
    return (one, other) if (ORDER[one[0]], one[1]) <= (ORDER[other[0]], other[1]) else (other, one)


def existing(work: Work, start: Item, end: Item, kind: str) -> Link | None:
    """The link of this kind between two things in either direction, whatever its state."""
    ids = (start[1], end[1])
    return work.session.scalar(
        select(Link).where(
            Link.kind == kind,
            or_((Link.from_id == ids[0]) & (Link.to_id == ids[1]), (Link.from_id == ids[1]) & (Link.to_id == ids[0])),
        )
    )


def _keep(desk: Desk, start: Item, end: Item, suggestion: Suggestion) -> int:
    """Add a suggestion, or say more in one that nobody has decided. What was decided stays as it is."""
    link = existing(desk.work, start, end, suggestion.kind)
    made = link is None
    if link is None:
        link = Link(
            id=new_id(),
            program_id=desk.keys.program_id,
            from_kind=start[0],
            from_id=start[1],
            to_kind=end[0],
            to_id=end[1],
            kind=suggestion.kind,
            state="suggested",
            made_at=desk.work.now(),
        )
        desk.work.session.add(link)
    elif link.state != "suggested" or link.made_by is not None or TIERS[suggestion.tier] > TIERS[link.tier or "weak"]:
        return 0
    _write(desk, link, suggestion)
    desk.work.session.flush()
    return int(made)


def _write(desk: Desk, link: Link, suggestion: Suggestion) -> None:
    inputs = {
        side: [{"sha256": file.sha256, "name": file.name} for file in desk.index.files(item)[:20]]
        for side, item in (("from", (link.from_kind, link.from_id)), ("to", (link.to_kind, link.to_id)))
    }
    findings = {**suggestion.findings, "reason": suggestion.reason, "inputs": inputs}
    link.tier = suggestion.tier
    link.findings = desk.keys.seal_json("link", "findings", link.id, findings)
    link.reason = desk.keys.seal("link", "reason", link.id, suggestion.reason)
