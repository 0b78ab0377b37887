"""Deciding on links, making them by hand, and bringing the index up to date when asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict
from tipline.inbox.queries import staff_names
from tipline.linking.decisions import Decision, add, rows_of_link, settle, standing, to_undo
from tipline.linking.indexing import begin_method, catch_up, catch_up_now, start_again
from tipline.linking.kinds import CONFIDENCES, KINDS, REASON_LENGTH, WAIT_TIMES, kind_words, kinds_for
from tipline.linking.reading import get_link
from tipline.linking.subjects import take_in_subjects
from tipline.linking.suggesting import existing
from tipline.linking.things import find_by_reference
from tipline.models.base import new_id
from tipline.models.cases import Link
from tipline.models.desk import LinkDecision
from tipline.notes.history import LastChange
from tipline.notes.locking import check_version
from tipline.search import building
from tipline.search.index import remove
from tipline.work import Work

CHOICES = ("confirm", "reject", "later")
WHY = "Say why, in a few words."


@dataclass(frozen=True)
class DecideLink:
    """`kind` where the person confirms it as another kind than was suggested.

    `version` is the link's that the person saw; with the last one, a decision that stands is replaced. `wait`: for how long it is put off.
    """

    link_id: str
    decision: str
    confidence: str = ""
    reason: str = ""
    kind: str | None = None
    wait: str = "week"
    version: str | int | None = None


@dataclass(frozen=True)
class MakeLink:
    """`start` and `end` name things as forms do: "tip:TIP-2026-0001", "exhibit:<id>"."""

    start: str
    end: str
    kind: str
    confidence: str
    reason: str


def decide(work: Work, actor: Actor, command: DecideLink) -> Link:
    """Confirm or reject a suggestion, or put it off. The method's own reason stays in the findings.

    Raises:
        ChangedMeanwhile: somebody has decided since the version that the person saw. Conflict: so, where no version is named.
        BadInput: a confirmation without confidence or reason; no such decision, kind or wait.
    """
    policy.require(actor, "link.decide")
    link = get_link(work, actor, command.link_id, lock=True)
    if command.decision not in CHOICES:
        raise BadInput("No decision was chosen.", "Choose Confirm, Reject or Later.")
    if command.decision == "confirm":
        _check(command.confidence, command.reason)
    elif len(command.reason) > REASON_LENGTH:
        raise BadInput("The reason is too long.", "", {"reason": f"Use at most {REASON_LENGTH} characters."})
    if link.state != "suggested" and not _goes_over(work, actor, link, command):
        return link
    if command.decision == "later":
        return _put_off(work, actor, link, command)
    if command.decision == "reject":
        return _decided(work, actor, link, command)
    kind = command.kind or link.kind
    if kind == link.kind:
        return _decided(work, actor, link, command)
    made = _make(work, actor, link, kind, command)
    _decided(work, actor, link, replace(command, decision="reject", kind=kind))  # as suggested it is not true; kept, so that it is no news
    return made


def _goes_over(work: Work, actor: Actor, link: Link, command: DecideLink) -> bool:
    """Take back a decision that the person has seen and means to replace. False: it says the same as theirs."""
    keys = actor.keyring.program(link.program_id)
    stand = standing(rows_of_link(work, link.id))
    who = staff_names(work).get(link.decided_by or "", "Somebody")
    if command.version is None:
        raise Conflict(f"{who} has {link.state} this link.", "Open it at the linking desk to see why.")
    said = keys.open("link", "reason", link.id, link.reason) if link.reason else ""
    theirs = _as_read(link.state, link.confidence or "", said, link.kind)
    state = {"confirm": "confirmed", "reject": "rejected"}.get(command.decision, "put off")
    mine = _as_read(state, command.confidence, command.reason.strip(), command.kind or link.kind)
    last = LastChange(who, link.decided_at) if link.decided_at else None
    check_version(link, command.version, mine, theirs, lambda: last)
    if mine == theirs:
        return False
    if not stand or stand[-1].decision == "again":
        raise Conflict(f"{who} has {link.state} this link.", "Open it at the linking desk to see why.")
    take_back(work, actor, link)
    return True


def _as_read(state: str, confidence: str, reason: str, kind: str) -> dict[str, str]:
    sure = CONFIDENCES.get(confidence, "") if state == "confirmed" else ""
    return {"Decision": state.capitalize(), "Link as": kind_words(kind), "Confidence": sure, "Reason": reason}


def _put_off(work: Work, actor: Actor, link: Link, command: DecideLink) -> Link:
    if command.wait not in WAIT_TIMES:
        raise BadInput("It was not put off.", "", {"wait": "Choose a day, a week or a month."})
    keys = actor.keyring.program(link.program_id)
    link.later_until = work.now() + WAIT_TIMES[command.wait]
    add(work, actor, keys, link, Decision("later", reason=command.reason.strip()))
    audit.record(work.session, work.now(), actor, "link.later", ("link", link.id), command.wait)
    work.session.flush()
    return link


def _decided(work: Work, actor: Actor, link: Link, command: DecideLink) -> Link:
    keys = actor.keyring.program(link.program_id)
    confidence = command.confidence if command.decision != "reject" else ""
    add(work, actor, keys, link, Decision(command.decision, confidence, command.reason.strip(), command.kind))
    work.session.flush()
    settle(work, keys, link, standing(rows_of_link(work, link.id)))
    audit.record(work.session, work.now(), actor, f"link.{command.decision}", ("link", link.id), link.kind)
    work.session.flush()
    return link


def undo(work: Work, actor: Actor, link_id: str, version: str | int | None = None) -> Link:
    """Take back the last decision about a link; the decision and that it was taken back both stay on record.

    A link that was made because a suggestion was confirmed as another kind goes with that decision.

    Raises:
        Conflict: nothing that a person decided stands, or more was decided since `version`.
    """
    policy.require(actor, "link.decide")
    link = get_link(work, actor, link_id, lock=True)
    if version is not None and str(version) != str(link.version):
        raise Conflict("Somebody has decided about this link since this page was loaded.", "Open it again, and look at its decisions.")
    return take_back(work, actor, link)


def take_back(work: Work, actor: Actor, link: Link) -> Link:
    """Undo the last standing decision of a locked link."""
    keys = actor.keyring.program(link.program_id)
    last = to_undo(rows_of_link(work, link.id))
    if last is None:
        raise Conflict("There is no decision to undo.", "Open the link at the linking desk to see what was decided.")
    if last.decision == "reject" and last.kind != link.kind:
        _take_back_other(work, actor, link, last)
    add(work, actor, keys, link, Decision("undo"))
    work.session.flush()
    settle(work, keys, link, standing(rows_of_link(work, link.id)))
    audit.record(work.session, work.now(), actor, "link.undo", ("link", link.id), last.decision)
    work.session.flush()
    return link


def _take_back_other(work: Work, actor: Actor, link: Link, rejected: LinkDecision) -> None:
    """Take back the link that was made in place of a suggestion, where nobody has decided on it since: its row came just before."""
    other = existing(work, (link.from_kind, link.from_id), (link.to_kind, link.to_id), rejected.kind)
    made = to_undo(rows_of_link(work, other.id)) if other else None
    if other is not None and made is not None and made.decision == "made" and made.decided_at <= rejected.decided_at:
        take_back(work, actor, get_link(work, actor, other.id, lock=True))


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
        state="confirmed",
        made_by=actor.staff_id,
        made_at=work.now(),
        version=1,
    )
    work.session.add(link)
    work.session.flush()
    return _decided(work, actor, link, replace(command, decision="made", kind=None))


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


def keep_up(work: Work, actor: Actor) -> int:
    """Take in what waits, subjects too, from a page that only reads; returns how many exhibits."""
    _begin_method(work, actor)
    done = catch_up_now(work, actor)
    if not work.write and policy.may(actor, "link.decide"):
        _subjects(work, actor)
    return done


def look_for_links(work: Work, actor: Actor) -> int:
    """Take in what waits, in transactions of its own; returns how many exhibits."""
    policy.require(actor, "link.read")
    _begin_method(work, actor)
    done = sum(catch_up(work, actor, program_id) for program_id in actor.keyring.program_ids())
    _subjects(work, actor)
    return done


def _begin_method(work: Work, actor: Actor) -> None:
    """Where a program was taken in by an earlier version of the method, take it in again by this one. Links and decisions stay."""
    if policy.may(actor, "link.decide"):
        for program_id in actor.keyring.program_ids():
            begin_method(work, actor.keyring.program(program_id))


def _subjects(work: Work, actor: Actor) -> None:
    for program_id in actor.keyring.program_ids():
        take_in_subjects(work, actor, program_id)
    work.session.commit()  # ends the snapshot, so that what follows sees the links


def rebuild(work: Work, actor: Actor, program_id: str) -> int:
    """Throw a program's index away and begin to make it again; its words are the worker's to read. Links stay as they are.

    Commits, and goes on as `look_for_links`.

    Raises:
        NoKey: the actor does not hold the program's key.
    """
    policy.require(actor, "link.decide")
    actor.keyring.program(program_id)
    start_again(work.session, program_id)
    audit.record(work.session, work.now(), actor, "index.rebuild", ("program", program_id))
    building.ask(work, actor, program_id, again=True)
    remove(work.settings.index_folder, program_id)
    work.commit()
    return catch_up(work, actor, program_id)
