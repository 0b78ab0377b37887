"""The page of one tip: which tab is open, what stands in it, and the forms as they were sent or as they begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, render_template, request

from tipline import policy
from tipline.actor import Actor
from tipline.inbox import rules
from tipline.inbox.conversation import Look, TipPage, read_tip
from tipline.inbox.forms import AssignForm, DueForm, LabelForm, PriorityForm, QuestionForm, ReplyForm, StateForm, TalkForm
from tipline.inbox.tiphistory import read_history
from tipline.notes.forms import Typed
from tipline.notes.panels import Panels, Part, count_panels, read_panels
from tipline.notes.things import Thing, thing_of
from tipline.web import actor, work

if TYPE_CHECKING:
    from flask.sansio.app import App

TABS = {"conversation": "Conversation", "files": "Files", "links": "Links", "notes": "Notes and tasks", "history": "History"}
NAMED_HINT = "All who see the tip read notes, also those who get its redacted words only."


def install(app: App) -> None:
    """Let the forms of notes and tasks show this page again when something in them is wrong."""
    app.extensions.setdefault("thing_pages", {})["tip"] = _with_typed


def _with_typed(on: Thing, typed: Typed) -> str:
    return show_tip(on.number, tab="notes", typed=typed)[0]


def show_tip(number: str, tab: str = "", typed: Typed | None = None, **forms: Any) -> tuple[str, int]:
    """Return the page of a tip, and 422 where one of the given forms has faults.

    Args:
        tab: which tab; without it the one that the address names.
        typed: what the form of a note or task sent, and what is wrong with it.
    """
    who = actor()
    page = read_tip(work(), who, number, Look(request.args.get("file"), "original" in request.args))
    chosen = tab or request.args.get("tab", "")
    chosen = chosen if chosen in TABS else "conversation"
    panels = [panel(work(), who, page.tip) for panel in current_app.extensions.get("tip_panels", [])]
    answer = render_template(
        "inbox/tip_show.html",
        page=page,
        tab=chosen,
        tabs=TABS,
        panels=panels,
        rules=rules,
        today=work().today(),
        may_work=policy.may(who, "tip.work"),
        may_redact=policy.may(who, "tip.redact") and not page.closed,
        may_reply=policy.may(who, "tip.reply") and not page.closed,
        may_case=policy.may(who, "case.work"),
        may_number=policy.may(who, "exhibit.number"),
        may_download=policy.may(who, "exhibit.download"),
        **_of_tab(who, page, chosen, typed or Typed()),
        **{**_fresh_forms(page), **forms},
    )
    return answer, 422 if any(form.errors for form in forms.values()) else 200


def _of_tab(who: Actor, page: TipPage, tab: str, typed: Typed) -> dict[str, Any]:
    """What only some tabs need."""
    on = thing_of(page.tip)
    found: dict[str, Any] = {"counts": count_panels(work(), who, on), "notes": None, "history": None}
    if tab in ("notes", "history"):
        found["notes"] = _panels(who, page, typed, notes_shown=tab == "notes")
    if tab == "history":
        found["history"] = read_history(work(), who, page.tip, page.attachments, request.args.get("acts_after"))
    return found


def _panels(who: Actor, page: TipPage, typed: Typed, *, notes_shown: bool) -> Panels:
    hint = NAMED_HINT if page.readers else ""
    part = Part(request.args.get("notes_after"), request.args.get("changes_after"), notes_shown)
    return read_panels(work(), who, thing_of(page.tip), part).showing(typed, hint)


def _fresh_forms(page: TipPage) -> dict[str, Any]:
    tip = page.tip
    return {
        "reply_form": ReplyForm(formdata=None),
        "label_form": LabelForm(formdata=None),
        "assign_form": _assign_form(page.colleagues, tip.assignee_id),
        "state_form": StateForm(formdata=None, state=tip.state),
        "priority_form": PriorityForm(formdata=None, priority=rules.PRIORITY_WORDS[tip.priority].lower()),
        "due_form": DueForm(formdata=None, due_on=tip.due_on),
        "question_form": QuestionForm(formdata=None),
        "talk_form": _talk_form(tip.talk),
    }


def _assign_form(people: list[tuple[str, str]], assignee: str | None) -> AssignForm:
    form = AssignForm(formdata=None, assignee=assignee or rules.NOBODY)
    form.assignee.choices = [(rules.NOBODY, "Nobody"), *people]
    return form


def _talk_form(talk: str) -> TalkForm:
    """Offers what the conversation is not now."""
    form = TalkForm(formdata=None)
    form.talk.choices = [(name, rules.TALK_ACTS[name]) for name in rules.TALKS if name != talk]
    return form
