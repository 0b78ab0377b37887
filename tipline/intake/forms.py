"""What the public forms carry, read into values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tipline.intake import rules
from tipline.intake.rules import HOW, REPORT, TIP, WAYS, Answers, Fault, FileLimits, LostFile
from tipline.intake.sink import Arrival
from tipline.languages import say

DRAFT = "draft"  # the hidden field that stands before the file parts
CHOICE = "copy-"  # with a part's id: the field of its choice
PART_ID = re.compile(r"[0-9a-f]{32}")
TOKEN = "token"  # noqa: S105  (the name of a field)


@dataclass(frozen=True)
class FormLimits:
    """What one form may hold, as pages and rules need it."""

    text_bytes: int
    files: FileLimits


@dataclass(frozen=True)
class Rejection:
    """Why a form comes back: what to put right, what was lost on the way, and the status of the answer."""

    faults: tuple[Fault, ...] = ()
    lost: tuple[LostFile, ...] = ()
    status: int = 200

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Field and message of each fault, for the summary."""
        return [(fault.field, fault.message) for fault in self.faults]

    def without(self, field: str) -> Rejection:
        """The same without the faults of a field."""
        return Rejection(tuple(fault for fault in self.faults if fault.field != field), self.lost, self.status)

    def also(self, faults: Iterable[Fault], status: int = 0) -> Rejection:
        """The same with further faults."""
        return Rejection((*self.faults, *faults), self.lost, status or self.status)


@dataclass(frozen=True)
class TipForm:
    """The tip form as it came back, with what is wrong with it."""

    draft: str
    answers: Answers
    leave_out: frozenset[str]
    rejection: Rejection

    @property
    def spoken(self) -> Rejection:
        """What is wrong where it is only shown in another language: nothing that is just not filled in yet."""
        return self.rejection if self.answers.what.strip() else self.rejection.without("what")


@dataclass(frozen=True)
class MessageForm:
    """A further message as it came."""

    draft: str
    token: str
    text: str
    rejection: Rejection

    @property
    def spoken(self) -> Rejection:
        """As `TipForm.spoken`."""
        return self.rejection if self.text.strip() else self.rejection.without("what")


def read_tip(arrival: Arrival, limits: FormLimits, kind: str = TIP) -> TipForm:
    """The values and faults of a tip's form, or of a report's."""
    how = arrival.fields.get("how", "")
    known = how if how in (WAYS if kind == REPORT else HOW) else ""
    as_is = tuple(dict.fromkeys(part for part in arrival.choices.get("as_is", ()) if PART_ID.fullmatch(part)))
    answers = Answers(_text(arrival, limits), known, kind, rules.clean_who(arrival.fields.get("who", "")), as_is[: limits.files.files])
    lost = _lost(arrival)
    faults = _broken(arrival, limits) + rules.faults(answers, list(lost), limits.files)
    leave_out = frozenset(arrival.choices.get("leave_out", ()))
    return TipForm(arrival.fields.get(DRAFT, ""), answers, leave_out, Rejection(tuple(faults), lost, _status(arrival)))


def read_message(arrival: Arrival, limits: FormLimits, kept: int) -> MessageForm:
    """A further message's values and faults; `kept` files came with an earlier try."""
    text = _text(arrival, limits)
    lost = _lost(arrival)
    faults = _broken(arrival, limits) + rules.message_faults(text, len(arrival.whole) + kept, list(lost), limits.files)
    return MessageForm(arrival.fields.get(DRAFT, ""), arrival.fields.get(TOKEN, ""), text, Rejection(tuple(faults), lost, _status(arrival)))


def draft_token(form: Mapping[str, str]) -> str:
    """The draft secret of a form without files."""
    return form.get(DRAFT, "")


def as_is(form: Mapping[str, str]) -> frozenset[str] | None:
    """The parts of which no cleaned copy is wanted, by the choices on the page before Send; None where there were no choices."""
    chosen = {name.removeprefix(CHOICE): value for name, value in form.items() if name.startswith(CHOICE)}
    return frozenset(part for part, value in chosen.items() if value == "as_is") if chosen else None


def small_number(text: str | None) -> int | None:
    """A small number that one of our forms or links carries; None for anything else."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


def session_token(form: Mapping[str, str]) -> str:
    """The session's token of a form after a receipt."""
    return form.get(TOKEN, "")


def _text(arrival: Arrival, limits: FormLimits) -> str:
    """The text, or its beginning where it is too long: the form as a whole had some room beyond the limit."""
    text = arrival.fields.get("what", "")
    data = text.encode()
    if len(data) <= limits.text_bytes:
        return text
    arrival.too_long.add("what")
    return data[: limits.text_bytes].decode("utf-8", "ignore")


def _lost(arrival: Arrival) -> tuple[LostFile, ...]:
    return tuple(LostFile(sink.name, str(sink.refusal), sink.arrived) for sink in arrival.refused)


def _broken(arrival: Arrival, limits: FormLimits) -> list[Fault]:
    if arrival.malformed:
        return [Fault("what", say("The form did not arrive whole. Send it again."))]
    if arrival.too_long:
        return [rules.too_long(limits.text_bytes)]
    if arrival.cut and not arrival.refused:
        return [Fault("files", say("The connection broke before the whole form had arrived. Look through it and send it again."))]
    return []


def _status(arrival: Arrival) -> int:
    reasons = {sink.refusal for sink in arrival.refused}
    if "no_space" in reasons:
        return 507
    if reasons & {"too_large", "too_many"} or arrival.too_long:
        return 413
    return 400 if arrival.cut or arrival.malformed else 422
