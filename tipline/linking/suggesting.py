"""Turning what the index finds into suggested links, each pair and kind once. A rejected one comes back only when it rests on more."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from tipline.actor import ProgramKeys
from tipline.linking import rules
from tipline.linking.comparing import NEAREST, Near, nearest, rarity, turned
from tipline.linking.decisions import Decision, add
from tipline.linking.lettering import with_lettering
from tipline.linking.rules import RecordMatch, Suggestion
from tipline.linking.templates import is_template
from tipline.linking.textrules import NameFound
from tipline.models.base import new_id
from tipline.models.cases import Letter, Link, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import Subject
from tipline.models.tips import Tip
from tipline.samples.rules import IN_WORDS, score
from tipline.search.index import File, Item, ProgramIndex
from tipline.work import Work

MOST = 50  # other things that one thing is compared with, for each kind of link
FEW = 8  # tips that an indicator or a template links with one another; a letter that more of them name links them through itself
MOST_MATCHES = 200  # people that a finding lists; all are counted
ORDER = {"tip": 0, "letter": 1, "sample": 2, "exhibit": 3, "subject": 4}
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
    if item[0] in (*TEXTS, "subject"):
        made += sum(_indicators(desk, item, other) for other in desk.index.sharing(item, MOST))
        made += sum(_names(desk, *_in_order(item, other)) for other in desk.index.passages.naming(item, MOST))
    if item[0] in TEXTS:
        made += _samples_in(desk, item) + _templates(desk, item)
    if item[0] == "sample":
        made += sum(_samples_in(desk, other, item[1]) for other in desk.index.holding_people_of(item[1]) if other[0] in TEXTS)
    return made + _same_files(desk, item)


def _indicators(desk: Desk, item: Item, other: Item) -> int:
    start, end = _in_order(item, other)
    if start[0] not in TEXTS or end[0] not in (*TEXTS, "subject"):
        return 0
    if end[0] == "subject":
        return _names(desk, start, end)
    index = desk.index
    suggestion = rules.shared_indicators(index.held(start), index.held(end), index.frequency, index.corpus())
    if suggestion is None:
        return 0
    if start[0] == end[0] == "tip" and min(one["texts"] for one in suggestion.findings["indicators"]) > FEW:
        return 0  # a flood of tips must not bury the queue
    return _keep(desk, start, end, _lettered(desk, start, end, _without_spans(suggestion)))


def _names(desk: Desk, text: Item, subject: Item) -> int:
    index, corpus = desk.index, desk.index.corpus()
    names = [
        NameFound(one.said, one.spelt, one.form, index.passages.texts_naming(one.joined), corpus)
        for one in index.passages.names_in(text, subject[1])
    ]
    suggestion = rules.names_subject(index.held(text), index.held(subject), index.frequency, corpus, names)
    return _keep(desk, text, subject, _lettered(desk, text, subject, _without_spans(suggestion))) if suggestion else 0


def _templates(desk: Desk, item: Item) -> int:
    """The nearest texts of the same template. Files that are the same byte for byte are suggested as that; of a flood of tips a few are."""
    same = {other for mine, other, _ in desk.index.same_bytes(item, MOST) if not _are_words(desk.work, mine.exhibit_id)}
    found = [one for one in nearest(desk.index, item) if is_template(one.likeness) and one.other not in same]
    if item[0] == "tip" and sum(one.other[0] == "tip" for one in found) >= FEW:
        found = [one for one in found if one.other[0] != "tip"]
    return sum(_template(desk, item, one) for one in found[:NEAREST])


def _template(desk: Desk, item: Item, near: Near) -> int:
    start, end = _in_order(item, near.other)
    template = rarity(desk.index, near)
    suggestion = rules.same_template(template if start == item else turned(template))
    return _keep(desk, start, end, _lettered(desk, start, end, suggestion))


def _lettered(desk: Desk, start: Item, end: Item, suggestion: Suggestion) -> Suggestion:
    return with_lettering(suggestion, desk.index.lettered(start) | desk.index.lettered(end))


def _without_spans(suggestion: Suggestion) -> Suggestion:
    for one in suggestion.findings.get("indicators", []):
        del one["spans_a"], one["spans_b"]  # found anew in the words as they are shown
    return suggestion


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
    pairs: dict[Item, list[tuple[File, File]]] = {}
    for mine, other, theirs in desk.index.same_bytes(item, MOST):
        if not _are_words(desk.work, mine.exhibit_id):  # two sources who write the same few words sent no file
            pairs.setdefault(other, []).append((mine, theirs))
    return sum(_same_file(desk, item, other, files) for other, files in pairs.items())


def _same_file(desk: Desk, item: Item, other: Item, files: list[tuple[File, File]]) -> int:
    start, end = _in_order(item, other)
    both = sorted((pair if start == item else pair[::-1] for pair in files), key=lambda pair: (pair[0].sha256, pair[0].exhibit_id))
    one, two = (f"{file.name or 'A file'} of {number_of(desk.work, thing)}" for thing, file in zip((start, end), both[0], strict=True))
    digests = sorted({first.sha256 for first, _ in both})
    suggestion = rules.same_file(digests[0], one, two, digests[1:])
    suggestion.findings["exhibits"] = [file.exhibit_id for file in both[0]]
    return _keep(desk, start, end, suggestion)


def _are_words(work: Work, exhibit_id: str) -> bool:
    return work.session.get_one(Exhibit, exhibit_id).kind == "tip_text"


def number_of(work: Work, item: Item) -> str:
    """A thing's number; an exhibit without one is called so."""
    kind, thing_id = item
    if kind in ("tip", "letter", "sample", "subject"):
        model: Any = {"tip": Tip, "letter": Letter, "sample": Sample, "subject": Subject}[kind]
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
    """Add a suggestion, say more in one that nobody has decided, or bring a rejected one back where it now rests on more."""
    link = existing(desk.work, start, end, suggestion.kind)
    if link is not None:
        return _keep_known(desk, link, suggestion)
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
        version=1,
    )
    desk.work.session.add(link)
    _write(desk, link, suggestion)
    desk.work.session.flush()
    return 1


def _keep_known(desk: Desk, link: Link, suggestion: Suggestion) -> int:
    """What a person confirmed, or linked by hand, stays as it is. What was put off or rejected comes back when there is more to it."""
    if link.made_by is not None or link.state == "confirmed" or link.findings is None:
        return 0
    more = rules.grew(desk.keys.open_json("link", "findings", link.id, link.findings), suggestion.findings)
    if link.state == "suggested" and link.later_until is None:
        weaker = TIERS[suggestion.tier] > TIERS[link.tier or "weak"]
        fewer = not more and evidence_of(desk.keys, suggestion.findings) != link.evidence and link.evidence is not None
        if not weaker and not fewer:
            _write(desk, link, suggestion)
            desk.work.session.flush()
        return 0
    if not more:
        return 0
    link.state, link.later_until = "suggested", None
    link.confidence = link.decided_by = link.decided_at = None
    _write(desk, link, suggestion)
    add(desk.work, None, desk.keys, link, Decision("again"))
    desk.work.session.flush()
    return 1


def evidence_of(keys: ProgramKeys, findings: dict[str, Any]) -> str:
    """What findings rest on, as a digest that only the program's index key makes: it says when they are the same, and nothing else."""
    units = json.dumps(rules.rests_on(findings), sort_keys=True).encode()
    return f"sha256:{hmac.digest(keys.index_key, b'link evidence:' + units, 'sha256').hex()}"


def _write(desk: Desk, link: Link, suggestion: Suggestion) -> None:
    inputs = {
        side: [{"sha256": file.sha256, "name": file.name} for file in desk.index.files(item)[:20]]
        for side, item in (("from", (link.from_kind, link.from_id)), ("to", (link.to_kind, link.to_id)))
    }
    findings = {**suggestion.findings, "reason": suggestion.reason, "short": suggestion.short, "inputs": inputs}
    link.tier, link.evidence = suggestion.tier, evidence_of(desk.keys, suggestion.findings)
    link.findings = desk.keys.seal_json("link", "findings", link.id, findings)
    link.reason = desk.keys.seal("link", "reason", link.id, suggestion.short)
