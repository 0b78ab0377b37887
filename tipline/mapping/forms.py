"""What the pages of graph, merge and split are asked for."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from tipline.cases.rules import TITLE_LENGTH
from tipline.errors import BadInput
from tipline.mapping import rules
from tipline.mapping.moving import REASON_LENGTH
from tipline.mapping.rules import Filters
from tipline.mapping.services import Pin

WHY = "Say why: it stands in both cases for good."


def filters_of(args: MultiDict[str, str]) -> Filters:
    """Read the filters of a graph out of an address. What is not there or not known is as if it were not asked for."""
    depth = args.get("depth", 1, type=int)
    kinds = frozenset(args.getlist("kind")) & frozenset(rules.KINDS)
    states = frozenset(args.getlist("state")) & frozenset(rules.STATES)
    return Filters(
        depth=depth if depth in rules.DEPTHS else 1,
        kinds=kinds or frozenset(rules.KINDS),
        links=frozenset(args.getlist("link")),
        states=states or frozenset(rules.STATES),
        start=args.get("start", ""),
        ends=(args.get("a", ""), args.get("b", "")),
        alone=args.get("alone") == "1",
    )


def address_of(filters: Filters) -> dict[str, Any]:
    """The same filters as the parts of an address, without what stands there anyway."""
    every_kind, every_state = filters.kinds == frozenset(rules.KINDS), filters.states == frozenset(rules.STATES)
    parts: dict[str, Any] = {
        "depth": filters.depth if filters.depth != 1 else None,
        "kind": None if every_kind else sorted(filters.kinds),
        "link": sorted(filters.links) or None,
        "state": None if every_state else sorted(filters.states),
        "start": filters.start or None,
        "a": filters.ends[0] or None,
        "b": filters.ends[1] or None,
        "alone": "1" if filters.alone else None,
    }
    return {name: value for name, value in parts.items() if value is not None}


def pins_of(form: MultiDict[str, str]) -> list[Pin]:
    """Read things and places out of a form: "id x y" for each.

    Raises:
        BadInput: a place is no number.
    """
    found = []
    for line in form.getlist("pin"):
        parts = line.split(" ")
        try:
            thing_id, x, y = parts[0], round(float(parts[1])), round(float(parts[2]))
        except (IndexError, ValueError, OverflowError):
            raise BadInput("Nothing was pinned.", "Load the graph again.") from None
        found.append(Pin(thing_id, x, y))
    return found


class MergeForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Into which case another goes, and why."""

    into = SelectField("Into", choices=[], validate_choice=False)
    reason = TextAreaField("Why", [InputRequired(WHY), Length(max=REASON_LENGTH, message=f"Use at most {REASON_LENGTH} characters.")])
    version = HiddenField()


class SplitForm(FlaskForm):  # type: ignore[misc]
    """What leaves a case, where to, and why."""

    things = SelectMultipleField("What is split off", choices=[], validate_choice=False)
    where = RadioField("Where to", choices=[("new", "A new case"), ("other", "A case that is there")], default="new", validate_choice=False)
    title = StringField("What the new case is about", [Length(max=TITLE_LENGTH, message=f"Use at most {TITLE_LENGTH} characters.")])
    into = SelectField("Which one", choices=[], validate_choice=False)
    reason = TextAreaField("Why", [InputRequired(WHY), Length(max=REASON_LENGTH, message=f"Use at most {REASON_LENGTH} characters.")])
    version = HiddenField()
