"""Deciding on links, making them by hand, and bringing the index up to date when asked."""

from __future__ import annotations

from dataclasses import dataclass

from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict
from tipline.inbox.queries import staff_names
from tipline.linking.indexing import catch_up, start_again
from tipline.linking.kinds import CONFIDENCES, KINDS, REASON_LENGTH, kinds_for
from tipline.linking.reading import get_link
from tipline.linking.suggesting import existing
from tipline.linking.things import find_by_reference
from tipline.models.base import new_id
from tipline.models.cases import Link
from tipline.search.index import remove
from tipline.work import Work

DECISIONS = ("confirm", "reject", "later")
WHY = "Say why, in a few words."


@dataclass(frozen=True)
class DecideLink:
    """`kind` where the person confirms it as another kind than was suggested."""

    link_id: str
    decision: str
    confidence: str = ""
    reason: str = ""
    kind: str | None = None


@dataclass(frozen=True)
class MakeLink:
    """`start` and `end` name things as forms do: "tip:TIP-2026-0001", "exhibit:<id>"."""

    start: str
    end: str
    kind: str
    confidence: str
    reason: str


def decide(work: Work, actor: Actor, command: DecideLink) -> Link:
    """Confirm or reject a suggestion; "later" leaves it as it is. The method's own reason stays in the findings.

    Raises:
        Conflict: somebody has decided meanwhile.
        BadInput: a confirmation without confidence or reason.
    """
    policy.require(actor, "link.decide")
    link = get_link(work, actor, command.link_id, lock=True)
    if link.state != "suggested":
        who = staff_names(work).get(link.decided_by or "", "Somebody")
        raise Conflict(f"{who} has {link.state} this link.", "Open it at the linking desk to see why.")
    if command.decision not in DECISIONS:
        raise BadInput("No decision was chosen.", "Choose Confirm, Reject or Later.")
    if command.decision == "later":
        return link
    if command.decision == "reject":
        return _decided(work, actor, link, "rejected", command)
    _check(command.confidence, command.reason)
    kind = command.kind or link.kind
    if kind == link.kind:
        return _decided(work, actor, link, "confirmed", command)
    made = _make(work, actor, link, kind, command)
    _decided(work, actor, link, "rejected", command)  # as suggested it is not true; kept, so that it is not suggested again
    return made


def _decided(work: Work, actor: Actor, link: Link, state: str, command: DecideLink) -> Link:
    keys = actor.keyring.program(link.program_id)
    reason = command.reason.strip()
    link.state = state
    link.confidence = command.confidence if state == "confirmed" else None
    link.decided_by, link.decided_at = actor.staff_id, work.now()
    link.reason = keys.seal("link", "reason", link.id, reason) if reason else None
    audit.record(work.session, work.now(), actor, f"link.{command.decision}", ("link", link.id), link.kind)
    work.session.flush()
    return link


def _check(confidence: str, reason: str) -> None:
    problems = {}
    if confidence not in CONFIDENCES:
        problems["confidence"] = "Choose how sure you are."
    if not reason.strip():
        problems["reason"] = WHY
    elif len(reason) > REASON_LENGTH:
        problems["reason"] = f"Use at most {REASON_LENGTH} characters."
    if problems:
        raise BadInput("The link was not confirmed.", " ".join(problems.values()), problems)


def _make(work: Work, actor: Actor, ends: Link, kind: str, command: DecideLink) -> Link:
    """Add a confirmed link between the ends of another row, which need not be stored.

    Raises:
        BadInput: this kind cannot hold between such things.
        Conflict: there is one already.
    """
    if kind not in kinds_for(ends.from_kind, ends.to_kind):
        message = "This kind of link cannot hold between these two."
        raise BadInput(message, "Choose another kind.", {"kind": message})
    known = existing(work, (ends.from_kind, ends.from_id), (ends.to_kind, ends.to_id), kind)
    if known is not None and known.state != "rejected":
        raise Conflict(f"These two are linked so already: {KINDS[kind].lower()}, {known.state}.", "Open that link at the linking desk.")
    link = known or Link(
        id=new_id(),
        program_id=ends.program_id,
        from_kind=ends.from_kind,
        from_id=ends.from_id,
        to_kind=ends.to_kind,
        to_id=ends.to_id,
        kind=kind,
        made_by=actor.staff_id,
        made_at=work.now(),
    )
    work.session.add(link)
    return _decided(work, actor, link, "confirmed", command)


def link_by_hand(work: Work, actor: Actor, command: MakeLink) -> Link:
    """Link two things of one program; the link is confirmed by being made.

    Raises:
        BadInput: an end is missing, both are the same, or of two programs; no confidence or reason; the kind cannot hold.
        Conflict: there is such a link already.
    """
    policy.require(actor, "link.decide")
    start, program = find_by_reference(work, actor, command.start, "start")
    end, other_program = find_by_reference(work, actor, command.end, "end")
    if (start.kind, start.id) == (end.kind, end.id):
        message = "Choose two different things."
        raise BadInput("Both ends are the same.", message, {"end": message})
    if program != other_program:
        message = "Choose two things of one program: each program has keys of its own."
        raise BadInput("The ends belong to two programs.", message, {"end": message})
    _check(command.confidence, command.reason)
    ends = Link(program_id=program, from_kind=start.kind, from_id=start.id, to_kind=end.kind, to_id=end.id)
    decision = DecideLink("", "confirm", command.confidence, command.reason)
    return _make(work, actor, ends, command.kind, decision)


def look_for_links(work: Work, actor: Actor) -> int:
    """Take in what waits, in transactions of its own; returns how many exhibits."""
    policy.require(actor, "link.read")
    return sum(catch_up(work, actor, program_id) for program_id in actor.keyring.program_ids())


def rebuild(work: Work, actor: Actor, program_id: str) -> int:
    """Throw a program's index away and begin to make it again. Links stay as they are. Commits, and goes on as `look_for_links`.

    Raises:
        NoKey: the actor does not hold the program's key.
    """
    policy.require(actor, "link.decide")
    actor.keyring.program(program_id)
    start_again(work.session, program_id)
    audit.record(work.session, work.now(), actor, "index.rebuild", ("program", program_id))
    remove(work.settings.index_folder, program_id)
    work.commit()
    return catch_up(work, actor, program_id)
