"""The inbox's filters as they stand in its address: terms that are all met, or several such groups of which one is. Pure functions.

    /inbox?f=state:is:new,working&f=priority:is:high&f=or&f=due:is:overdue&order=due

means "new or being worked on, and of high priority; or overdue", soonest due first. Only structured values stand there: words of a
list, days, ids and case numbers. Several values of one term mean any of them; `not` means none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tipline.inbox import rules
from tipline.inbox.rules import ME, NOBODY, either

IS, NOT = "is", "not"
OR, ALL = "or", "all"  # in the place of a term: a new group begins; nothing is filtered
NONE, SOME = "none", "some"
MOST_TERMS, MOST_VALUES = 12, 12
ORDERS = {"newest": "Newest first", "oldest": "Oldest first", "due": "With a due day, soonest first", "priority": "Highest priority first"}
NEWEST, OLDEST, DUE, PRIORITY = ORDERS
PRIORITIES = {"high": 1, "normal": 0, "low": -1}
DUE_WORDS = {"overdue": "overdue", "today": "today", "week": "within 7 days", "set": "on some day", NONE: "on no day"}
READ_WORDS = {"unread": "unread by me", "wrote": "answered by the source, unread"}
CLAIMS = {
    "received": "new",
    "judging": "being judged",
    "sent_back": "sent back",
    "recommended": "recommended",
    "approved_once": "approved once",
    "approved": "approved",
    "voucher_issued": "voucher sent",
    "paid": "paid",
    "to_decline": "to be declined",
    "declined": "declined",
    "expired": "voucher lapsed",
}
CLAIM_WORDS = {SOME: "made", **CLAIMS}
LINKS = {**{kind: word.lower() for kind, word in rules.SUGGESTION_MARKS.items()}, SOME: "any"}
ID = re.compile(r"[0-9a-f]{32}")
CASE_NUMBER = re.compile(r"[A-Z0-9]{1,8}-\d{4}-\d{4,6}")
NAMES = {  # what a term is called in words, with "is" and "is not"
    "state": ("state is", "state is not"),
    "assignee": ("assignee is", "assignee is not"),
    "priority": ("priority is", "priority is not"),
    "label": ("label is", "label is not"),
    "due": ("due", "not due"),
    "received": ("received", "received before"),
    "channel": ("came by", "did not come by"),
    "read": ("is", "is not"),
    "claim": ("claim", "claim not"),
    "case": ("case is", "case is not"),
    "link": ("suggested link", "no suggested link"),
}
FIELDS = tuple(NAMES)
WORDS: dict[str, Mapping[str, str]] = {  # fields whose values are words of a list
    "state": rules.STATES,
    "priority": {name: name for name in PRIORITIES},
    "due": DUE_WORDS,
    "received": {str(days): words for days, words in rules.PERIODS.items()},
    "channel": rules.CHANNELS,
    "read": READ_WORDS,
    "claim": CLAIM_WORDS,
    "link": LINKS,
}


@dataclass(frozen=True)
class Term:
    """One condition: a field is, or is not, one of some values."""

    field: str
    values: tuple[str, ...]
    negated: bool = False

    def encode(self) -> str:
        return f"{self.field}:{NOT if self.negated else IS}:{','.join(self.values)}"


Group = tuple[Term, ...]
PLAIN: tuple[Group, ...] = ((Term("state", ("junk",), negated=True),),)


@dataclass(frozen=True)
class Filters:
    """What the inbox shows, and in which order. The plain inbox shows every tip that is not junk.

    Args:
        groups: of which one has to be met, by all of its terms; none at all shows every tip.
        order: one of ORDERS.
    """

    groups: tuple[Group, ...] = PLAIN
    order: str = NEWEST

    @property
    def terms(self) -> list[Term]:
        return [term for group in self.groups for term in group]

    def query(self) -> dict[str, Any]:
        """The filters as the parameters of an address; the plain inbox has none."""
        said = [] if self.groups == PLAIN else encode_groups(self.groups)
        pairs: dict[str, list[str]] = {"f": said, "order": [] if self.order == NEWEST else [self.order]}
        return {name: values for name, values in pairs.items() if values}

    def fields(self) -> list[tuple[str, str]]:
        """The same as name and value of hidden form fields."""
        return [(name, value) for name, values in self.query().items() for value in values]

    def one(self, field: str, *values: str, negated: bool = False) -> Filters:
        """These filters with one term more in every group, in place of any that a group has on the same field."""
        term = Term(field, values, negated)
        groups = self.groups or ((),)
        return replace(self, groups=tuple((*(one for one in group if one.field != field), term) for group in groups))


@dataclass(frozen=True)
class Chip:
    """One term in words, with the filters that stay when it is taken away, turned round, or joined to the next one otherwise.

    Args:
        join: how the next chip is joined, "and" or "or"; empty on the last.
    """

    name: str
    words: str
    without: Filters
    turned: Filters
    join: str = ""
    rejoined: Filters | None = None


def where(*terms: Term, order: str = NEWEST) -> Filters:
    """Filters of one group."""
    return Filters((terms,) if terms else (), order)


def encode_groups(groups: Sequence[Group]) -> list[str]:
    """Groups as the values of `f`."""
    said: list[str] = []
    for group in groups:
        said += [OR] if said else []
        said += [term.encode() for term in group]
    return said or [ALL]


def parse_filters(values: Mapping[str, Sequence[str]]) -> Filters:
    """Read the filters from an address; what is not one of the known values is left out."""
    order = next((order for order in values.get("order", ()) if order in ORDERS), NEWEST)
    said = values.get("f", ())
    groups = parse_groups(said)
    return Filters(groups if groups or ALL in said else PLAIN, order)


def parse_groups(said: Iterable[str]) -> tuple[Group, ...]:
    """Read groups from the values of `f`."""
    groups: list[list[Term]] = [[]]
    room = MOST_TERMS
    for text in said:
        term = parse_term(text)
        if text == OR and groups[-1]:
            groups.append([])
        elif term and room:
            groups[-1].append(term)
            room -= 1
    return tuple(tuple(dict.fromkeys(group)) for group in groups if group)


def parse_term(text: str) -> Term | None:
    """Read "state:is:new,working"; None where field, operator or every value is unknown."""
    field, _, rest = text.partition(":")
    operator, _, listed = rest.partition(":")
    if field not in NAMES or operator not in (IS, NOT):
        return None
    values = tuple(dict.fromkeys(value for value in listed.split(",")[:MOST_VALUES] if known(field, value)))
    if field == "received":  # one day only: within the days, or before them
        values = values[:1]
    return Term(field, values, operator == NOT) if values else None


def known(field: str, value: str) -> bool:
    """Tell whether a value may stand in a term of this field."""
    if field in WORDS:
        return value in WORDS[field]
    if field == "assignee":
        return value in (ME, NOBODY) or bool(ID.fullmatch(value))
    if field == "label":
        return value == NONE or bool(ID.fullmatch(value))
    return value in (NONE, SOME) or bool(CASE_NUMBER.fullmatch(value))


def add(filters: Filters, term: Term, join: str) -> Filters:
    """Add a term: to the last group, or as a group of its own. One on the same field there takes the values too.

    The plain filter stays beside what is added to it, but for a term on the state itself.
    """
    groups = filters.groups
    if sum(map(len, groups)) >= MOST_TERMS:
        return filters
    if not groups or join == OR:
        return replace(filters, groups=(*groups, (term,)))
    last = () if groups == PLAIN and term.field == "state" else groups[-1]
    same = [one for one in last if (one.field, one.negated) == (term.field, term.negated)]
    values = term.values if term.field == "received" else tuple(dict.fromkeys(value for one in (*same, term) for value in one.values))
    kept = [one for one in last if one not in same]
    return replace(filters, groups=(*groups[:-1], (*kept, replace(term, values=values[:MOST_VALUES]))))


def chips(filters: Filters, names: Mapping[str, str]) -> list[Chip]:
    """Say each term in words. `names`: of colleagues and labels, by id."""
    found = []
    flat = [(at, term) for at, group in enumerate(filters.groups) for term in group]
    for place, (at, term) in enumerate(flat):
        rest = [*flat[:place], *flat[place + 1 :]]
        turned = [*flat[:place], (at, replace(term, negated=not term.negated)), *flat[place + 1 :]]
        last = place + 1 == len(flat)
        joined = not last and flat[place + 1][0] == at
        chip = Chip(NAMES[term.field][term.negated], say_values(term, names), _of(filters, rest), _of(filters, turned))
        if not last:
            chip = replace(chip, join="and" if joined else OR, rejoined=_rejoined(filters, flat, place, split=joined))
        found.append(chip)
    return found


def _of(filters: Filters, flat: Sequence[tuple[int, Term]]) -> Filters:
    groups: dict[int, list[Term]] = {}
    for at, term in flat:
        groups.setdefault(at, []).append(term)
    return replace(filters, groups=tuple(tuple(group) for group in groups.values()))


def _rejoined(filters: Filters, flat: Sequence[tuple[int, Term]], place: int, *, split: bool) -> Filters:
    """The filters with the join after a term turned from "and" to "or", or back."""
    shift = 1 if split else -1
    return _of(filters, [(at if index <= place else at + shift, term) for index, (at, term) in enumerate(flat)])


def say_values(term: Term, names: Mapping[str, str]) -> str:
    """The values of a term in words, as "Brandt, Lindqvist or nobody"."""
    if term.field == "received":
        words = WORDS["received"][term.values[0]]
        return f"the {words}" if term.negated and words.startswith("last") else words.removeprefix("since ") if term.negated else words
    return either([_say(term.field, value, names) for value in term.values])


def _say(field: str, value: str, names: Mapping[str, str]) -> str:
    if field in WORDS:
        return WORDS[field][value]
    if field == "case":
        return {NONE: "none", SOME: "any"}.get(value, value)
    return value if value in (ME, NOBODY, NONE) else names.get(value, "unknown")


def say(filters: Filters, names: Mapping[str, str]) -> str:
    """All the filters in one line of words."""
    said = [f"{chip.name} {chip.words}{f' {chip.join}' if chip.join else ''}" for chip in chips(filters, names)]
    words = " ".join(said) or "every tip"
    return words if filters.order == NEWEST else f"{words}; {ORDERS[filters.order].lower()}"
